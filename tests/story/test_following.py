"""What `showrunner up` shows of its children's logs: one line for each thing that happened."""

from __future__ import annotations

import json
import re

import pytest
from rich.console import Console

from cli.output import text
from cli.stack.log_tail import readable

TIME = "2026-11-23T10:02:03.4Z"


def shown(**facts: str) -> list[str]:
    return list(readable("worker", json.dumps({"timestamp": TIME, **facts})))


def test_a_fact_of_ours_is_a_line_with_its_details() -> None:
    line = shown(event="card_pushed", level="info", logger="showrunner.push", notion_page_id="p1")
    assert line == ["10:02:03 worker   card_pushed notion_page_id=p1"]


def test_what_fails_is_one_line_and_its_traceback_stays_in_the_log() -> None:
    failed = (
        "Encountered exception: OperationalError('refused\\n\\tIs the server running?')\n\tand so "
        "on"
    )
    traceback = 'Traceback (most recent call last):\n  File "x.py", line 1'
    [line] = shown(event=failed, level="error", logger="prefect.flow_runs", exception=traceback)
    assert line.startswith("10:02:03 worker   ERROR Encountered exception: OperationalError(")
    assert "\n" not in line
    assert "Traceback" not in line


NASTY = "a\x1b[31m\x1b]0;owned\x07b\r\n10:02:04 worker ERROR forged\u2028\u202ec\x9b1m\ud800"
HARMLESS = (
    "a\\u001b[31m\\u001b]0;owned\\u0007b 10:02:04 worker ERROR forged \\u202ec\\u009b1m\\ud800"
)


def test_what_people_wrote_is_no_second_line_and_no_command_to_the_terminal() -> None:
    line = shown(event="alert", level="info", logger="showrunner.x", title=NASTY)
    assert line == [f"10:02:03 worker   alert title={HARMLESS}"]


def test_every_way_to_print_shows_control_characters_harmlessly(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    wide = Console(width=400, soft_wrap=True, highlight=False, markup=False, emoji=False)
    monkeypatch.setattr(text, "_console", wide)
    text.say(text.short(NASTY, 400))
    text.print_table(["title"], [[text.short(NASTY, 400)]])
    short, _column, cell = capsys.readouterr().out.splitlines()
    assert (short, cell.rstrip()) == (HARMLESS, HARMLESS)
    text.print_table(["title"], [[NASTY]])
    text.say("first\nsecond \x1b[2J")
    text.warn("first\nsecond \x1b[2J")
    text.print_json({"title": NASTY})
    printed = capsys.readouterr()
    *_, first, second, as_json = printed.out.splitlines()
    assert (first, second) == ("first", "second \\u001b[2J")
    assert printed.err.splitlines() == [first, second]
    assert json.loads(as_json) == {"title": NASTY}
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\ud800]", printed.out)


@pytest.mark.parametrize(
    "line", ["", "no json", "[]", json.dumps({"event": "chatter", "logger": "prefect.worker"})]
)
def test_what_is_no_fact_of_ours_and_no_warning_is_not_shown(line: str) -> None:
    assert list(readable("worker", line)) == []
