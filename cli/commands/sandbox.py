"""`showrunner sandbox …`: run the sandbox, a Notion on this machine, and inject faults into it."""

from __future__ import annotations

import json
import os
import sys
from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer

from cli.output.text import say
from cli.running import run
from cli.stack.running_stack import not_up, running
from models.errors import GiveUp
from models.settings import load_settings

app = typer.Typer(
    help="Run only the sandbox: a Notion on this machine, with its API, webhooks and faults."
)
_TIMEOUT_SECONDS = 10
_FACTS = "sandbox.json"


class Method(Enum):
    """The methods of Notion's API."""

    GET = "GET"
    POST = "POST"
    PATCH = "PATCH"
    DELETE = "DELETE"


class Drop(Enum):
    """When a connection is closed without an answer."""

    BEFORE = "before"
    AFTER = "after"


@app.callback(invoke_without_command=True)
def sandbox(
    context: typer.Context,
    state: Annotated[Path, typer.Option(help="Where the sandbox keeps its state.")] = Path(
        ".showrunner/sandbox"
    ),
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8500,
) -> None:
    """Run only the sandbox: a Notion on this machine, with its API and webhooks."""
    if context.invoked_subcommand is not None:
        return
    state.mkdir(parents=True, exist_ok=True)
    os.execv(  # noqa: S606 - the product and the sandbox do not import each other
        sys.executable,
        [sys.executable, "-m", "notion_sandbox", "--port", str(port), "--state", str(state)],
    )


Url = Annotated[
    str | None, typer.Option(help="The sandbox's address; without it, the one that runs here.")
]


@app.command("fault")
def fault(
    what: Annotated[
        str,
        typer.Argument(help="A status such as 429 or 503; or `drop`, `delay`, `list`, `clear`."),
    ],
    *,
    times: Annotated[int | None, typer.Option(min=1, help="How many requests it strikes.")] = None,
    until_cleared: Annotated[
        bool, typer.Option("--until-cleared", help="It strikes every request.")
    ] = False,
    skip: Annotated[
        int | None, typer.Option(min=0, help="How many requests it lets through first.")
    ] = None,
    method: Annotated[Method | None, typer.Option(help="Only requests of this method.")] = None,
    path: Annotated[
        str | None, typer.Option(help="Only paths that begin so, e.g. /v1/pages.")
    ] = None,
    retry_after: Annotated[
        int | None, typer.Option(min=0, help="Seconds in the Retry-After header.")
    ] = None,
    delay_ms: Annotated[
        int | None, typer.Option(min=1, help="Wait so long before the answer.")
    ] = None,
    saved: Annotated[
        bool, typer.Option("--saved", help="The write takes effect all the same.")
    ] = False,
    html: Annotated[
        bool, typer.Option("--html", help="The answer is a proxy's HTML page.")
    ] = False,
    when: Annotated[
        Drop, typer.Option(help="`drop`: before or after the write took effect.")
    ] = Drop.BEFORE,
    number: Annotated[
        int | None, typer.Option(help="`clear`: only the fault with this number.")
    ] = None,
    url: Url = None,
) -> None:
    """Let requests of the connection fail: `showrunner sandbox fault 429 --times 3`.

    `list` shows the faults that are set, `clear` removes them.
    """
    given: dict[str, Any] = {
        "skip": skip,
        "method": None if method is None else method.value,
        "path": path,
        "retry_after": retry_after,
        "delay_ms": delay_ms,
        "saved": saved or None,
        "html": html or None,
    }
    wanted = {name: value for name, value in given.items() if value is not None}
    if until_cleared or times is not None:
        wanted["times"] = times
    run(_fault(what, wanted, when, number, url))


async def _fault(
    what: str, wanted: dict[str, Any], when: Drop, number: int | None, url: str | None
) -> None:
    address = url or sandbox_url()
    if what == "list":
        shown = (await _ask(address, "GET"))["faults"]
        say("\n".join(_line(item) for item in shown) or "No faults are set.")
    elif what == "clear":
        query = ""
        if number is not None:
            query = f"?number={number}"
        say(f"Cleared {(await _ask(address, 'DELETE', query=query))['cleared']}.")
    else:
        say(_line(await _ask(address, "POST", body={**wanted, **_kind(what, wanted, when)})))


def _kind(what: str, wanted: dict[str, Any], when: Drop) -> dict[str, Any]:
    if what == "drop":
        return {"drop": when.value}
    if what == "delay" and "delay_ms" in wanted:
        return {}
    if what == "delay":
        raise GiveUp("Say how long with --delay-ms.")
    if what.isdecimal():
        return {"status": int(what)}
    raise GiveUp(f"{what!r} is no fault: give a status such as 429, or drop, delay, list, clear.")


def sandbox_url() -> str:
    """The address of the sandbox that runs here: that of `showrunner up`, or one started alone.

    Raises:
        SettingsError: when a setting is malformed.
        GiveUp: when none was started here, or `up` works on Notion itself.
    """
    folder = load_settings().state_dir
    environment = running(folder)
    if environment is not None and "NOTION_BASE_URL" in environment:
        return environment["NOTION_BASE_URL"]
    if environment is not None:
        raise GiveUp(
            "The `showrunner up` of this folder works on Notion itself, where nothing fails on "
            "purpose."
        )
    try:
        return str(json.loads((folder / "sandbox" / _FACTS).read_text())["base_url"])
    except (OSError, ValueError, KeyError):
        raise not_up(
            folder,
            "No sandbox runs here: start `showrunner up` or `showrunner sandbox` in this folder, "
            "or name one by --url.",
        ) from None


async def _ask(
    address: str, method: str, *, query: str = "", body: dict[str, Any] | None = None
) -> dict[str, Any]:
    try:
        async with httpx.AsyncClient(
            base_url=address, timeout=_TIMEOUT_SECONDS, trust_env=False
        ) as client:
            response = await client.request(method, f"/sandbox/faults{query}", json=body)
            answer = response.json()
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise GiveUp(
            f"No sandbox answers at {address}: {str(error) or type(error).__name__}. Is it running?"
        ) from error
    if response.is_error or not isinstance(answer, dict):
        reason = answer.get("message", "") if isinstance(answer, dict) else ""
        raise GiveUp(reason or f"{address} is no sandbox: it answered {response.status_code}.")
    return answer


def _line(fault: dict[str, Any]) -> str:
    """Describe a fault, e.g. `1  429, Retry-After 5 · PATCH /v1/pages · 1 of 3`."""
    what = str(fault["status"] or "")
    if fault["drop"]:
        what = f"connection closed {fault['drop']} the write"
    if fault["stale_seconds"] is not None:
        what = f"queries {fault['stale_seconds']} s old"
    parts = [what]
    if fault["html"]:
        parts.append("HTML")
    if fault["saved"]:
        parts.append("saved all the same")
    if fault["delay_ms"]:
        parts.append(f"after {fault['delay_ms']} ms")
    if fault["retry_after"] is not None:
        parts.append(f"Retry-After {fault['retry_after']}")
    where = f"{fault['method'] or 'every method'} {fault['path']}"
    left = f"{fault['struck']} of {fault['times']}"
    if fault["times"] is None:
        left = f"{fault['struck']}, until cleared"
    skipped = f", the first {fault['skip']} pass" if fault["skip"] else ""
    return (
        f"{fault['number']}  {', '.join(part for part in parts if part)} · {where} · struck "
        f"{left}{skipped}"
    )
