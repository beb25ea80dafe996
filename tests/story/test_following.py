"""What `showrunner up` shows of its children's logs: one line for each thing that happened."""

from __future__ import annotations

import json

import pytest

from cli.stack.log_tail import readable

TIME = "2026-11-23T10:02:03.4Z"


def shown(**facts: str) -> list[str]:
    return list(readable("worker", json.dumps({"timestamp": TIME, **facts})))


def test_a_fact_of_ours_is_a_line_with_its_details() -> None:
    line = shown(event="card_pushed", level="info", logger="showrunner.push", notion_page_id="p1")
    assert line == ["10:02:03 worker card_pushed notion_page_id=p1"]


def test_what_fails_is_one_line_and_its_traceback_stays_in_the_log() -> None:
    failed = (
        "Encountered exception: OperationalError('refused\\n\\tIs the server running?')\n\tand so "
        "on"
    )
    traceback = 'Traceback (most recent call last):\n  File "x.py", line 1'
    [line] = shown(event=failed, level="error", logger="prefect.flow_runs", exception=traceback)
    assert line.startswith("10:02:03 worker ERROR Encountered exception: OperationalError(")
    assert "\n" not in line
    assert "Traceback" not in line


@pytest.mark.parametrize(
    "line", ["", "no json", "[]", json.dumps({"event": "chatter", "logger": "prefect.worker"})]
)
def test_what_is_no_fact_of_ours_and_no_warning_is_not_shown(line: str) -> None:
    assert list(readable("worker", line)) == []
