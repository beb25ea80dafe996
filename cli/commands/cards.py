"""`showrunner card …`: explain a card's values, and restore a value that it lost."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from cli.output.card import card_as_json, comparison
from cli.output.text import Grid, print_json, printable, say, short, show
from cli.running import correlate, run
from cli.stack.running_stack import settings_here
from models.operations.diagnosis import CardFacts, reasons
from models.operations.lookup import find_page
from models.operations.production import production_lines
from models.rules.formatting import clock_time
from models.sync.restore import Restored, restore
from models.tables.notion_users import Names
from models.tables.task_history import TaskHistory, history_of
from tasks.operations.card_facts import LivePage, gather_card_facts, read_page_now
from tasks.operations.people import names_of
from tasks.runtime.context import connected

app = typer.Typer(
    help="Show why a card is as it is, and put back what it lost.", no_args_is_help=True
)

_MEDIUM = 120
_LONGEST = {"Attention": 1000}
"""Characters of a text in the table. Attention is shown whole."""

Page = Annotated[
    str,
    typer.Argument(
        help="The Notion page's id, a link to it, its first characters, or the id of its task."
    ),
]


@app.command("show")
def show_card(
    page: Page,
    *,
    live: Annotated[
        bool, typer.Option("--live", help="Ask Notion what the card shows now: one request.")
    ] = False,
    limit: Annotated[
        int, typer.Option(min=1, help="At most that many lines of history, the last ones.")
    ] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object, for scripts.")] = False,
) -> None:
    """Show what board and database hold of a card, why it is stuck, and its history."""
    run(_show(page, live=live, limit=limit, json=as_json))


async def _show(page: str, *, live: bool, limit: int, json: bool) -> None:
    async with connected(settings_here()) as ctx:
        async with ctx.sessions() as session:
            page_id = await find_page(session, page)
            history = await history_of(session, page_id, limit=limit)
        facts = await gather_card_facts(ctx, page_id)
        now = None
        if live and facts.board is not None:
            now = await read_page_now(ctx, facts.board, page_id)
        names = await names_of(ctx, [row.actor for row in history])
    if json:
        print_json(card_as_json(page_id, facts, now, history, names))
        return
    _print_head(page_id, facts, now)
    if facts.card is not None and facts.card.base is not None:
        show(_values(facts, now))
        say()
    _print_reasons(facts)
    _print_history(history, limit, names)


def _print_head(page_id: str, facts: CardFacts, now: LivePage | None) -> None:
    card, task = facts.card, facts.task
    title = card.base_title if card is not None else None
    say(f"card  {page_id}  {short(title, _MEDIUM)}".rstrip())
    if task is None:
        say("task  none")
    else:
        say(f"task  {task.id}  {task.status}")
    for line in production_lines(facts.production) if facts.production else ():
        say(f"      {line}")
    if card is not None:
        read, edited = _moment(card.last_read_at), _moment(card.edited_at)
        say(f"seen  {read}, edited in Notion {edited}")
    if now is not None:
        say(f"now   {_state_now(now)}")
    say()


def _state_now(now: LivePage) -> str:
    if now.error:
        return now.error
    if now.card is not None and now.card.in_trash:
        return "in the trash"
    return "as in the table"


def _moment(moment: datetime | None) -> str:
    if moment is None:
        return "never"
    return f"{clock_time(moment)} UTC"


def _values(facts: CardFacts, now: LivePage | None) -> Grid:
    """A row per property. Its last cell names the side that differs from the agreed value."""
    live = now is not None and now.card is not None
    names = ["property", "agreed", "board", "database", "to push", "differs"]
    if live:
        names.insert(3, "board now")
    table = Grid()
    for name in names:
        table.add_column(name, max_width=40)
    for row in comparison(facts, now):
        values = [row.agreed, row.board, row.database, row.pushed]
        if live:
            values.insert(2, row.live)
        longest = _LONGEST.get(row.name, _MEDIUM)
        table.add_row(row.name, *(short(value, longest) for value in values), row.differs)
    return table


def _print_reasons(facts: CardFacts) -> None:
    found = reasons(facts)
    if found:
        say("why it is stuck")
    else:
        say("It is in sync: board and database agree, and nothing waits.")
    for sentence in found:
        say(f"  - {printable(sentence)}")
    say()


def _print_history(history: list[TaskHistory], limit: int, names: Names) -> None:
    if not history:
        say("Nothing has happened to it yet.")
        return
    table = Grid("id", "when (UTC)", "who", "what", "property", "from", "to", "lost", "why")
    for row in history:
        why = (row.property, row.old_value, row.new_value, row.lost_value, row.reason)
        cells = (
            str(row.id),
            clock_time(row.at),
            names.who(row.actor),
            row.action,
            *(short(cell) for cell in why),
        )
        table.add_row(*cells)
    show(table)
    if len(history) == limit:
        say(f"These are the last {limit}; --limit shows more.")


@app.command("restore")
def restore_value(
    page: Page,
    history_id: Annotated[
        int, typer.Argument(help="The id of the line of history that kept the value.")
    ],
) -> None:
    """Put a lost Status or Priority back; the card shows it at the next cycle."""
    run(_restore(page, history_id))


async def _restore(page: str, history_id: int) -> None:
    async with connected(settings_here()) as ctx, ctx.sessions.begin() as session:
        page_id = await find_page(session, page)
        done = await restore(
            session, page_id, history_id, now=ctx.clock(), correlation_id=correlate()
        )
    if done.before == done.after:
        say(f"{done.property} is “{done.after}” already: nothing was changed.")
        return
    say(printable(f"{done.property}: {done.before} → {done.after}"))
    say(_when_shown(done))


def _when_shown(done: Restored) -> str:
    if done.trashed:
        return "The card is in Notion's trash: it shows that once the page is restored there."
    if done.shown:
        return "The card shows that already."
    return (
        "The card shows that after the next cycle, within a minute; `showrunner push` runs one now."
    )
