"""What people write reaches the operator's terminal as text, in every table and line."""

from __future__ import annotations

import json

import pytest
from kit.clock import NOW

from cli.commands.cards import _print_history
from cli.output.text import print_table, say, warn
from cli.stack.log_tail import readable
from models.tables.task_history import TaskHistory
from tasks.operations.people import Names

HOSTILE = ":smile: \\[ [/] \x1b]0;owned\x07 \x9b31m x"
SHOWN = ":smile: \\[ [/] \\u001b]0;owned\\u0007 \\u009b31m x"


def test_lines_and_tables_show_titles_letter_by_letter_and_no_control_sequence(
    capsys: pytest.CaptureFixture[str],
) -> None:
    say(HOSTILE)
    warn(HOSTILE)
    print_table(["title"], [[HOSTILE]])
    said = capsys.readouterr()
    assert [line.rstrip() for line in said.out.splitlines()] == [SHOWN, "title", SHOWN]
    assert said.err == f"{SHOWN}\n"


def test_a_history_shows_values_letter_by_letter_and_no_control_sequence(
    capsys: pytest.CaptureFixture[str],
) -> None:
    row = TaskHistory(id=1, at=NOW, actor="pipeline", action="changed", new_value=HOSTILE)
    _print_history([row], limit=20, names=Names(known={}))
    assert SHOWN in capsys.readouterr().out


def test_a_title_of_two_lines_cannot_forge_a_line_of_the_log(
    capsys: pytest.CaptureFixture[str],
) -> None:
    facts = {"event": "card_pushed", "logger": "showrunner.push", "title": "one\n10:00:00 worker x"}
    [line] = readable("worker", json.dumps(facts))
    say(line)
    assert len(capsys.readouterr().out.splitlines()) == 1
