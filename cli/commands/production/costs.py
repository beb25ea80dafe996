"""`showrunner costs`: what videos cost, by channel and month."""

from __future__ import annotations

from dataclasses import asdict
from decimal import Decimal
from typing import Annotated

import typer

from cli.output.text import AsJson, print_json, print_table, say
from cli.running import run
from cli.stack.running_stack import settings_here
from models.errors import GiveUp
from models.operations.costs import Month, costs_of
from models.production.money import usd
from tasks.runtime.context import connected

ChannelOption = Annotated[
    str | None, typer.Option("--channel", help="Only this one: its file's name without .yaml.")
]
MonthOption = Annotated[
    str | None, typer.Option("--month", help="Like 2026-11, in UTC; the present one if left out.")
]


def costs(
    *, channel: ChannelOption = None, month: MonthOption = None, as_json: AsJson = False
) -> None:
    """Show what videos cost in a month: charged, or ordered and not charged yet."""
    run(_costs(channel, month, as_json=as_json))


async def _costs(channel: str | None, month: str | None, *, as_json: bool) -> None:
    async with connected(settings_here()) as ctx, ctx.sessions() as session:
        now = ctx.clock()
        try:
            wanted = Month.parse(month) if month else Month(year=now.year, month=now.month)
        except ValueError as error:
            raise GiveUp(str(error)) from None
        found = await costs_of(session, wanted, channel)
    if as_json:
        for cost in found:
            print_json(asdict(cost))
        return
    rows = [
        (cost.channel_id, cost.title, cost.maker, usd(cost.usd), _open(cost.open_usd))
        for cost in found
    ]
    print_table(("channel", "video", "maker", "cost", "of it not charged yet"), rows)
    total = sum((cost.usd for cost in found), start=Decimal(0))
    say(f"{wanted}: {usd(total)}")


def _open(amount: Decimal) -> str:
    """An amount that is not charged yet; empty when there is none."""
    return usd(amount) if amount else ""
