"""`showrunner events …`: list, show and replay the events that Notion's webhooks delivered."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Annotated, Any

import typer

from cli.output.text import AsJson, Grid, print_json, printable, say, short, short_id, show
from cli.running import run
from cli.stack.running_stack import settings_here
from models.errors import GiveUp
from models.operations.diagnosis import CardFacts, reasons_out_of_sync
from models.operations.lookup import find_event
from models.rules.formatting import clock_time, spoken
from models.tables import webhook_event_queries as inbox_queries
from models.tables.webhook_events import EventState, WebhookEvent
from tasks.operations.card_facts import gather_card_facts
from tasks.runtime.context import connected

app = typer.Typer(
    help="List, show and replay what Notion's webhooks told us.", no_args_is_help=True
)

EventId = Annotated[
    str, typer.Argument(help="The number of its row, Notion's id of it, or the beginning of that.")
]


@app.command("list")
def list_events(
    *,
    dead: Annotated[
        bool, typer.Option("--dead", help="Only events that failed too often.")
    ] = False,
    limit: Annotated[int, typer.Option(min=1, help="At most that many, the newest first.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List events, the newest first."""
    run(_list(dead=dead, limit=limit, as_json=as_json))


async def _list(*, dead: bool, limit: int, as_json: bool) -> None:
    async with connected(settings_here()) as ctx:
        async with ctx.sessions() as session:
            events = await inbox_queries.newest(session, dead=dead, limit=limit)
            counts = await inbox_queries.counts(session)
        now = ctx.clock()
    if as_json:
        for event in events:
            print_json(_facts(event, now))
        return
    if events:
        show(_table(events, now))
    elif dead:
        say("No event is dead.")
    else:
        say("The inbox is empty: no webhook has come yet.")
    say(
        f"{len(events)} shown; {counts.dead} dead, {counts.waiting} waiting, {counts.processed} "
        "processed in all."
    )


def _table(events: list[WebhookEvent], now: datetime) -> Grid:
    table = Grid()
    table.add_column("id", no_wrap=True, justify="right")
    for name in ("received (UTC)", "type", "page", "state"):
        table.add_column(name, no_wrap=True)
    table.add_column("attempts", no_wrap=True, justify="right")
    table.add_column("error", no_wrap=True)
    for event in events:
        cells = (
            event.event_type,
            short_id(event.page_id),
            _state(event, now),
            str(event.attempts),
            short(event.error),
        )
        table.add_row(str(event.row), clock_time(event.received_at), *cells)
    return table


def _state(event: WebhookEvent, now: datetime) -> str:
    match event.state(now):
        case EventState.PROCESSED:
            return f"processed {event.outcome or ''}".rstrip()
        case EventState.LATER:
            return f"due in {spoken(event.next_attempt_at - now)}"
        case state:
            return state.value


def _facts(event: WebhookEvent, now: datetime) -> dict[str, Any]:
    """All of an event but its payload."""
    return {
        "id": event.row,
        "event_id": event.event_id,
        "type": event.event_type,
        "page_id": event.page_id,
        "received_at": event.received_at,
        "state": event.state(now).value,
        "outcome": event.outcome,
        "attempts": event.attempts,
        "error": event.error,
        "next_attempt_at": event.next_attempt_at,
        "claimed_until": event.claimed_until,
        "processed_at": event.processed_at,
        "dead_at": event.dead_at,
        "correlation_id": event.correlation_id,
    }


@app.command("show")
def show_event(event_id: EventId, *, as_json: AsJson = False) -> None:
    """Show an event, its payload, and whether its card is in sync."""
    run(_show(event_id, as_json=as_json))


async def _show(event_id: str, *, as_json: bool) -> None:
    async with connected(settings_here()) as ctx:
        async with ctx.sessions() as session:
            event = await find_event(session, event_id)
        card = None
        if event.page_id is not None:
            card = await gather_card_facts(ctx, event.page_id)
        now = ctx.clock()
    if as_json:
        print_json({**_facts(event, now), "card": _card(event, card), "payload": event.payload})
        return
    for name, value in _as_text(event, now).items():
        if value:
            say(f"{name:<14} {printable(value)}")
    say(f"{'card':<14} {printable(_card(event, card))}")
    say()
    say(json.dumps(event.payload, indent=2, ensure_ascii=False))


def _as_text(event: WebhookEvent, now: datetime) -> dict[str, str | None]:
    """All of an event but its payload, as text."""
    state = _state(event, now)
    if ended := event.processed_at or event.dead_at:
        state += f", {clock_time(ended)} UTC"
    return {
        "event": f"{event.row}  {event.event_id}",
        "type": event.event_type,
        "page": event.page_id,
        "received": f"{clock_time(event.received_at)} UTC",
        "state": state,
        "attempts": str(event.attempts),
        "error": event.error,
        "correlation id": event.correlation_id,
    }


def _card(event: WebhookEvent, facts: CardFacts | None) -> str:
    """The card that an event is about, and whether it is in sync."""
    if facts is None:
        return "none: the event is about no page"
    title = ""
    if facts.card is not None and facts.card.base_title:
        title = f"“{facts.card.base_title}” "
    wrong = reasons_out_of_sync(facts)
    if not wrong:
        return f"{title}is in sync"
    return f"{title}is not in sync (`showrunner card show {event.page_id}`): {' '.join(wrong)}"


@app.command("replay")
def replay_events(
    event_id: Annotated[
        str | None,
        typer.Argument(help="The number of its row, Notion's id of it, or the beginning of that."),
    ] = None,
    *,
    dead: Annotated[bool, typer.Option("--dead", help="All dead events.")] = False,
) -> None:
    """Give an event, or all dead ones, another chance: due now, with a fresh count of attempts."""
    run(_replay(event_id, dead=dead), stopped="Stopped; run it again to be sure.")


async def _replay(event_id: str | None, *, dead: bool) -> None:
    if (event_id is None) != dead:
        raise GiveUp("Say which to replay: the ID of an event, or --dead for all dead ones.")
    async with connected(settings_here()) as ctx, ctx.sessions.begin() as session:
        rows = None
        if event_id is not None:
            rows = [(await find_event(session, event_id)).row]
        due = await inbox_queries.replay(session, rows, now=ctx.clock())
    if rows and not due:
        raise GiveUp(
            f"Event {rows[0]} is being worked on at this moment: `showrunner events show "
            f"{rows[0]}`."
        )
    if not due:
        say("No event is dead.")
        return
    which = f"{len(due)} events are"
    if len(due) == 1:
        which = f"Event {due[0]} is"
    say(
        f"{which} due again. The next ingest or cycle looks at the card; `showrunner push` does so "
        "now."
    )
