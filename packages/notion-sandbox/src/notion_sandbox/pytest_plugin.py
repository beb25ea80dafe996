"""The pytest plugin: one fixture, `notion_sandbox`, and its settings.

pytest loads it automatically where the distribution is installed.
"""

from collections.abc import Iterator

import pytest

from notion_sandbox.config import Config
from notion_sandbox.testing import FOR_TESTS, SandboxServer


@pytest.fixture
def notion_sandbox_config() -> Config:
    """The settings of the sandbox; a test suite may override this fixture."""
    return FOR_TESTS


@pytest.fixture
def notion_sandbox(notion_sandbox_config: Config) -> Iterator[SandboxServer]:
    """A fresh Notion for each test, over real HTTP; see `SandboxServer`."""
    with SandboxServer(notion_sandbox_config) as sandbox:
        yield sandbox
