"""Pages of pieces take only what other requests leave of Notion's limit."""

from __future__ import annotations

from dataclasses import dataclass, field

from kit.pieces import PieceStage
from sqlalchemy import text

from models.postgres.engine import Sessions
from models.tables.sync_state import PIECE_SOURCES, forget
from tasks.notion.shared_rate_limit import LEEWAY, SharedBudget
from tasks.sync.pieces.show import is_anything_to_show

PER_SECOND = 0.01
SLOT = (1 + LEEWAY) / PER_SECOND
"""Seconds between two requests, so many that what a test itself takes does not matter."""
PAGES = 76
"""Pieces of a video of 18 scenes: four per scene, and the film with its stills."""


@dataclass
class Asked:
    """A budget that has room, and remembers who asked it."""

    background: list[bool] = field(default_factory=list)

    async def acquire(self, *, background: bool = False) -> None:
        self.background.append(background)

    async def hold(self, seconds: float) -> None:
        raise AssertionError(seconds)


def ask(stage: PieceStage) -> Asked:
    asked = Asked()
    stage.ctx.notion._transport._budget = asked
    return asked


async def test_every_request_for_pieces_waits_for_slots_that_nobody_reserved(
    stage: PieceStage,
) -> None:
    for position in range(1, PAGES + 1):
        await stage.make("image", position)
    await stage.finish("assets")
    asked = ask(stage)
    shown = await stage.shows_pieces()
    assert (shown.made, shown.files, shown.previews) == (PAGES, PAGES + 1, 1)
    assert all(asked.background)
    # A page costs three requests: the upload, its content, the page.
    assert len(asked.background) <= 3 * PAGES + 10


async def test_a_status_is_written_while_pages_of_pieces_are_due(stage: PieceStage) -> None:
    await stage.make("image")
    await stage.moves(stage.card_id, "Assets Ready")
    asked = ask(stage)
    await stage.cycle()
    assert not any(asked.background)
    assert (await stage.shows(stage.card_id))["Status"] == "Assets Ready"
    assert await stage.pages() == []


async def test_a_status_waits_for_one_slot_behind_any_number_of_pages(sessions: Sessions) -> None:
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        """Time passes for PostgreSQL too: what was sent and reserved is longer ago."""
        waited.append(seconds)
        async with sessions.begin() as session:
            await session.execute(
                text(
                    "UPDATE rate_limit SET "
                    "next_slot_at = next_slot_at - make_interval(secs => :s), sent_at = "
                    "ARRAY(SELECT sent - make_interval(secs => :s) FROM unnest(sent_at) AS sent)"
                ),
                {"s": seconds},
            )

    budget = SharedBudget(sessions, PER_SECOND, sleep)
    for _ in range(PAGES):
        await budget.acquire(background=True)
        waited.clear()
        await budget.acquire()
        assert sum(waited) <= SLOT + 1


async def test_a_board_without_databases_of_pieces_is_synced_and_asks_for_no_run(
    stage: PieceStage,
) -> None:
    await stage.ask(
        "PATCH",
        f"/v1/data_sources/{stage.data_source_id}",
        {"properties": dict.fromkeys(("Assets", "Videos", "Audio", "Preview"))},
    )
    async with stage.sessions.begin() as session:
        await forget(session, PIECE_SOURCES)
    await stage.make("image")
    await stage.moves(stage.card_id, "Assets Ready")
    await stage.cycle()
    await stage.shows_pieces()
    assert (await stage.shows(stage.card_id))["Status"] == "Assets Ready"
    assert not await is_anything_to_show(stage.ctx)


async def test_notion_refusing_all_pages_leaves_the_sync_of_cards_alone(stage: PieceStage) -> None:
    for position in (1, 2, 3):
        await stage.make("image", position)
    stage.sandbox.api.faults.add(403, times=None, method="POST", path="/v1/pages")
    shown = await stage.shows_pieces()
    assert (shown.made, shown.failed) == (0, 1)  # a run ends with the first refusal
    await stage.moves(stage.card_id, "Assets Ready")
    report = await stage.cycle()
    assert (report.pushed, report.failed) == (1, 0)
