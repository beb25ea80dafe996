"""What a month cost, by channel, video and maker."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest
from kit.production import Production
from sqlalchemy import URL

from models.operations.costs import Month, costs_of
from models.postgres.engine import Sessions

SPEND = (
    "INSERT INTO spends (at, task_id, task_title, channel_id, what, maker, kind, usd) "
    "VALUES (%s, %s, 'Squid', %s, 'clip 1, round 1', %s, %s, %s)"
)
VIDEO, OTHER = "00000000-0000-0000-0000-000000000001", "00000000-0000-0000-0000-000000000002"


@pytest.fixture
def spent(database: URL) -> Iterator[None]:
    """Spends of two months, channels and videos."""
    production = Production(database)
    for row in (
        ("2026-10-31 23:59:59+00", VIDEO, "deep_sea", "kling", "charged", 9),
        ("2026-11-01 00:00:00+00", VIDEO, "deep_sea", "kling", "estimated", 2),
        ("2026-11-01 00:00:00+00", VIDEO, "deep_sea", "kling", "released", 2),
        ("2026-11-02 00:00:00+00", VIDEO, "deep_sea", "kling", "charged", 1),
        ("2026-11-30 23:59:59+00", VIDEO, "deep_sea", None, "charged", 3),
        ("2026-11-30 23:59:59+00", OTHER, "space", "gemini", "estimated", 4),
        ("2026-12-01 00:00:00+00", OTHER, "space", "gemini", "charged", 9),
    ):
        production.rows(SPEND, row)
    yield
    production.connection.close()


@pytest.mark.usefixtures("spent")
async def test_costs_of_a_month_are_its_own_and_estimates_count_until_they_are_released(
    sessions: Sessions,
) -> None:
    async with sessions() as session:
        found = await costs_of(session, Month.parse("2026-11"), None)
    assert [(one.channel_id, one.maker, one.usd, one.open_usd) for one in found] == [
        ("deep_sea", None, Decimal(3), Decimal(0)),
        ("deep_sea", "kling", Decimal(1), Decimal(0)),
        ("space", "gemini", Decimal(4), Decimal(4)),
    ]


@pytest.mark.usefixtures("spent")
async def test_costs_of_one_channel(sessions: Sessions) -> None:
    async with sessions() as session:
        found = await costs_of(session, Month.parse("2026-11"), "space")
    assert [one.task_id for one in found] == [found[0].task_id]
    assert found[0].channel_id == "space"


def test_december_ends_with_the_year() -> None:
    assert Month.parse("2026-12").ended.isoformat() == "2027-01-01T00:00:00+00:00"


@pytest.mark.parametrize("text", ["2026-13", "2026", "November", ""])
def test_what_is_no_month_is_one_sentence(text: str) -> None:
    with pytest.raises(ValueError, match="write it like 2026-11"):
        Month.parse(text)
