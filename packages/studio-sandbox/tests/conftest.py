"""A sandbox over real HTTP whose clock the test moves."""

from collections.abc import Iterator

import pytest
from studio_kit import Client, HandClock

from studio_sandbox import Config
from studio_sandbox.testing import StudioSandbox


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def studio(clock: HandClock, studio_sandbox_config: Config) -> Iterator[StudioSandbox]:
    with StudioSandbox(studio_sandbox_config, clock=clock) as studio:
        yield studio


@pytest.fixture
def client(studio: StudioSandbox) -> Client:
    return Client(studio)
