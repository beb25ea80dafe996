"""A people's column called Attention: it is told of before anything in it is replaced."""

from __future__ import annotations

from kit.processes.workspace import Board, Workspace
from kit.stage import rich

from models.board.drift import drift
from models.board.drift_kinds import Drift
from tasks.board.repair import repair
from tasks.board.snapshot import BoardAccess, take_snapshot, with_notes


async def noted(workspace: Workspace, board: Board, *texts: str) -> None:
    """People made cards, each with a text in Attention."""
    parent = {"type": "data_source_id", "data_source_id": board.source_id}
    for text in texts:
        await workspace.ask(
            "POST", "/v1/pages", {"parent": parent, "properties": {"Attention": rich(text)}}
        )


async def attention_drift(access: BoardAccess, database_id: str) -> list[Drift]:
    found = drift(await with_notes(access, await take_snapshot(access, database_id)))
    return [one for one in found if one.slug == "attention-holds-notes"]


async def tell_of_two(board: Board) -> None:
    assert await attention_drift(board.workspace.access, board.id) == []
    await noted(board.workspace, board, "ask Ada", "", "Topic is empty.", "ask Ben")
    (one,) = await attention_drift(board.workspace.access, board.id)
    assert one.matters
    assert one.wrong == "“Attention” holds text on 2 cards that Showrunner did not write."


async def test_before_the_first_cycle_notion_is_asked_and_our_own_words_do_not_count(
    known_board: Board,
) -> None:
    await tell_of_two(known_board)


async def test_without_a_database_notion_is_asked_too(board: Board) -> None:
    await tell_of_two(board)


async def test_a_column_that_is_renamed_before_the_first_cycle_is_peoples_and_repair_adds_ours(
    known_board: Board,
) -> None:
    workspace = known_board.workspace
    await noted(workspace, known_board, "ask Ada")
    assert len(await attention_drift(workspace.access, known_board.id)) == 1
    await known_board.change(Attention={"name": "Notes"})
    assert await attention_drift(workspace.access, known_board.id) == []
    done = await repair(workspace.access, await take_snapshot(workspace.access, known_board.id))
    assert ("property-missing", "Attention") in [(one.slug, one.about) for one in done.mended]
    assert {"Notes", "Attention"} <= set((await known_board.source())["properties"])
