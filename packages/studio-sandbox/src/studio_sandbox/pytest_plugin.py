"""The pytest plugin: one fixture, `studio_sandbox`, and its settings.

pytest loads it automatically where the distribution is installed.
"""

from collections.abc import Iterator

import pytest

from studio_sandbox.config import Config
from studio_sandbox.testing import StudioSandbox


@pytest.fixture
def studio_sandbox_config() -> Config:
    """The settings of the sandbox; a test suite may override this fixture."""
    return Config()


@pytest.fixture
def studio_sandbox(studio_sandbox_config: Config) -> Iterator[StudioSandbox]:
    """Fresh services for each test, over real HTTP; see `StudioSandbox`."""
    with StudioSandbox(studio_sandbox_config) as sandbox:
        yield sandbox
