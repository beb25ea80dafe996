"""The official JavaScript SDK against the sandbox: every test of its programs is a test here.

Skipped where node, npm or the package registry cannot be had; with CI=true and node there it fails
instead.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from typing import Any

import pytest
from javascript_runs import PROGRAMS, NoSdk, Outcome, install, named_tests, run

TESTS = named_tests()


@pytest.fixture(scope="session")
def outcome_of(pytestconfig: pytest.Config, facts: dict[str, Any]) -> Callable[[str], Outcome]:
    """The result of a program; each runs once."""
    try:
        folder = install(pytestconfig.cache.mkdir("notionhq-client"))
    except NoSdk as error:
        if os.environ.get("CI") == "true" and shutil.which("node") is not None:
            pytest.fail(f"The official SDK is not available: {error}")
        pytest.skip(f"The official SDK is not available: {error}")
    known: dict[str, Outcome] = {}

    def outcome(program: str) -> Outcome:
        if program not in known:
            known[program] = run(folder, program, facts)
        return known[program]

    return outcome


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("program", "title"), TESTS, ids=[f"{program}: {title}" for program, title in TESTS]
)
def test_the_official_sdk_is_served(
    program: str, title: str, outcome_of: Callable[[str], Outcome]
) -> None:
    outcome = outcome_of(program)
    assert title not in outcome.failed, outcome.failed[title]
    assert title in outcome.passed, outcome.output


@pytest.mark.timeout(300)
@pytest.mark.parametrize("program", sorted({program for program, _ in TESTS}))
def test_nothing_else_of_a_program_fails(
    program: str, outcome_of: Callable[[str], Outcome]
) -> None:
    outcome = outcome_of(program)
    assert outcome.failed == {}
    assert len(outcome.passed) >= len([title for name, title in TESTS if name == program])


def test_the_programs_name_no_registry_and_pin_what_they_use() -> None:
    assert (PROGRAMS / "package.json").read_text().count("://") == 0
    assert not (PROGRAMS / "package-lock.json").exists()
    assert len(TESTS) >= 40
