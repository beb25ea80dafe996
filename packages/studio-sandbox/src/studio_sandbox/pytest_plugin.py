"""The pytest plugin: one fixture, `studio_sandbox`, and its settings.

pytest loads it automatically where the distribution is installed.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from studio_sandbox.config import Config
    from studio_sandbox.testing import StudioSandbox

# Imported in the fixtures: pytest loads this file in every run, also where no test uses it.


@pytest.fixture
def studio_sandbox_config() -> "Config":
    """The settings of the sandbox; a test suite may override this fixture."""
    from studio_sandbox.config import Config  # noqa: PLC0415 - see above

    return Config()


@pytest.fixture
def studio_sandbox(studio_sandbox_config: "Config") -> "Iterator[StudioSandbox]":
    """Fresh services for each test, over real HTTP; see `StudioSandbox`."""
    from studio_sandbox.testing import StudioSandbox  # noqa: PLC0415 - see above

    with StudioSandbox(studio_sandbox_config) as sandbox:
        yield sandbox
