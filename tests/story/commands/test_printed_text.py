"""What people write reaches the operator's terminal as text, in every table and line."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from kit.clock import NOW
from rich.console import Console

import cli
from cli.commands.cards import _print_history
from cli.output import text
from cli.output.text import Grid, print_table, say, say_field, show, styled, warn
from cli.stack.log_tail import readable
from models.tables.task_history import TaskHistory
from tasks.operations.people import Names

CLI = Path(cli.__file__).parent
PRINTING = {
    *("print", "typer.echo", "typer.secho", "typer.confirm", "typer.prompt"),
    *("sys.stdout.write", "sys.stderr.write"),
    *("rich.print", "rich.console.Console", "rich.table.Table", "rich.text.Text"),
    "rich.progress.Progress",
}
"""What prints without `printable`; only `cli.output.text` may use it."""

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


def test_a_value_of_several_lines_keeps_them_and_forges_no_other_value(
    capsys: pytest.CaptureFixture[str],
) -> None:
    say_field("story", "One.\ntitle forged\x1b", width=6)
    assert capsys.readouterr().out == "story  One.\n       title forged\\u001b\n"


def test_a_history_shows_values_letter_by_letter_and_no_control_sequence(
    capsys: pytest.CaptureFixture[str],
) -> None:
    row = TaskHistory(id=1, at=NOW, actor="pipeline", action="changed", new_value=HOSTILE)
    _print_history([row], limit=20, names=Names(known={}))
    assert SHOWN in capsys.readouterr().out


def test_a_grid_shows_what_it_is_given_letter_by_letter(
    capsys: pytest.CaptureFixture[str],
) -> None:
    grid = Grid("title", "state")
    grid.add_row(HOSTILE, styled((HOSTILE, "red")))
    show(grid)
    assert capsys.readouterr().out.count(SHOWN) == 2


def test_every_command_prints_through_one_module() -> None:
    others = [path for path in CLI.rglob("*.py") if path != CLI / "output" / "text.py"]
    found = {
        f"{path.relative_to(CLI)}: {called}"
        for path in others
        for called in _called(ast.parse(path.read_text()))
        if called in PRINTING
    }
    assert len(others) > 30
    assert found == set()


def _called(tree: ast.Module) -> Iterator[str]:
    """Everything that a module calls or takes from a module, as it is written."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func)
        if isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{name.name}" for name in node.names)


def test_a_title_of_two_lines_cannot_forge_a_line_of_the_log(
    capsys: pytest.CaptureFixture[str],
) -> None:
    facts = {"event": "card_pushed", "logger": "showrunner.push", "title": "one\n10:00:00 worker x"}
    [line] = readable("worker", json.dumps(facts))
    say(line)
    assert len(capsys.readouterr().out.splitlines()) == 1


def test_a_table_too_wide_for_the_terminal_keeps_every_column(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text, "_console", Console(width=40, soft_wrap=True, highlight=False))
    rows = [
        ("e460da37", "failed", "Error: Invalid Input", "history_in_ten", "W" * 110),
        ("b76a6b40", "pending", "Queued", "history_in_ten", "深海の潮"),
    ]
    print_table(("task", "status", "board status", "channel", "title"), rows, flexible="title")
    assert capsys.readouterr().out.splitlines() == [
        "task      status   board status          channel         title",
        "e460da37  failed   Error: Invalid Input  history_in_ten  WWWW…",
        "b76a6b40  pending  Queued                history_in_ten  深海…",
    ]
