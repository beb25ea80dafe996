"""The pytest plugin: one fixture, `notion_sandbox`, and its settings.

pytest finds it by itself where the distribution is installed.
"""

from collections.abc import Iterator

import pytest

from notion_sandbox.config import Config
from notion_sandbox.testing import FOR_TESTS, SandboxServer


@pytest.fixture
def notion_sandbox_config() -> Config:
    """The settings of the sandbox; a test suite may have a fixture of this name of its own."""
    return FOR_TESTS


@pytest.fixture
def notion_sandbox(notion_sandbox_config: Config) -> Iterator[SandboxServer]:
    """A Notion of this test's own, over real HTTP; what it offers is in `SandboxServer`."""
    with SandboxServer(notion_sandbox_config) as sandbox:
        yield sandbox
