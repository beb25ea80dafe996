"""What a run of check-board leaves for the command that asked for it."""

from __future__ import annotations

import json
from typing import Any

import httpx

from cli.commands import board as board_command
from cli.stack.deployment_runs import Deployment
from flows import check_board
from flows.check_board import AS_IT_SHOULD_BE, TABLE, summary
from flows.runs.table import as_markdown
from models.board.drift_kinds import Drift, Part, RepairAction, Severity


def drift(severity: Severity, mend: RepairAction | None = None) -> Drift:
    return Drift(
        slug="property-missing",
        severity=severity,
        part=Part.PROPERTY,
        about="Topic",
        wrong="“My *own* [topic](x)” is missing\\.",
        breaks="a_b <b>c</b>",
        cure="`showrunner board repair`",
        repair_action=mend,
    )


def test_a_run_is_named_after_what_it_found() -> None:
    assert summary([]) == AS_IT_SHOULD_BE
    found = [drift(Severity.STOPS), drift(Severity.NOTE), drift(Severity.NOTE)]
    assert summary(found) == "3 differences: 1 stops the sync, 2 note"


async def test_the_command_reads_from_the_runs_table_what_the_run_found() -> None:
    found = [drift(Severity.STOPS, RepairAction.ADD), drift(Severity.NOTE)]
    rows = [as_markdown(check_board._row(one)) for one in found]
    table = {"key": TABLE, "data": json.dumps(rows), "description": "The board: http://board"}

    def answer(_: httpx.Request) -> httpx.Response:
        answered: list[dict[str, Any]] = [table]
        return httpx.Response(200, json=answered)

    transport = httpx.MockTransport(answer)
    async with httpx.AsyncClient(base_url="http://prefect/api", transport=transport) as http:
        read, description = await Deployment(http, "id", "http://prefect").table("run", TABLE)
    assert [board_command._drift_of(row) for row in read] == found
    assert description == "The board: http://board"
    assert board_command._TABLE == TABLE
