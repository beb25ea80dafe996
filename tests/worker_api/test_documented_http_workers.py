"""The workers of docs/workers.md that speak HTTP do their task against a running API."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import sys
from pathlib import Path

import pytest
from kit.production import Production
from kit.worker_api import Api

PAGE = (Path(__file__).parents[2] / "docs/workers.md").read_text()
NODE = shutil.which("node")


def example(heading: str) -> str:
    """The first block of code below a heading of the page."""
    found = re.search(rf"### {heading}\n.*?```\w+\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None
    return found[1]


async def run(api: Api, *command: str) -> tuple[int, str]:
    """The exit code of a program, and what it printed."""
    process = await asyncio.create_subprocess_exec(
        *command,
        env={
            **os.environ,
            "WORKER_API_URL": api.url,
            "WORKER_TOKEN": await api.secret("worker", "render"),
            "ONCE": "1",
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await asyncio.wait_for(process.communicate(), 100)
    return process.returncode or 0, said.decode()


PROGRAMS = [
    pytest.param(
        ("node", "--input-type=module", "-e"),
        "In Node over HTTP",
        marks=pytest.mark.skipif(NODE is None, reason="Node is not installed: no program `node`"),
        id="node",
    ),
    pytest.param((sys.executable, "-c"), "In Python over HTTP", id="python"),
]


@pytest.mark.parametrize(("program", "heading"), PROGRAMS)
async def test_a_documented_worker_does_a_task(
    api: Api, sql: Production, program: tuple[str, ...], heading: str
) -> None:
    task = sql.add()
    assert await run(api, *program, example(heading)) == (0, "")
    assert sql.column(task) == "Ready for Review"
    assert sql.row("SELECT path FROM pieces")["path"] == f"/films/{task}.mp4"
    assert sql.history("actor")[-1][0].startswith("worker:render/")


@pytest.mark.parametrize(("program", "heading"), PROGRAMS)
async def test_a_documented_worker_says_on_the_card_why_it_failed(
    api: Api, sql: Production, program: tuple[str, ...], heading: str
) -> None:
    task = sql.add()
    wrong = example(heading).replace("Assembling Video", "Uploading")
    assert (await run(api, *program, wrong))[0] == 0
    assert sql.column(task) == "Error: Retriable"
    assert "Nobody approved the step" in sql.lease(task)["failure"]


def test_the_page_names_every_route_and_every_kind_of_error() -> None:
    from webhook.api.app import _ERRORS  # noqa: PLC0415 - the page is about it

    for status in _ERRORS:
        assert str(status) in PAGE
