"""The Preview of a card: pictures at the first gate, the film at the second."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import httpx
import pytest
from kit.pieces import PieceStage

from models.tables.incidents import open_incidents
from tasks.sync.pieces import preview

MINE = {"type": "external", "name": "sketch", "external": {"url": "https://example.org/s.png"}}


async def names(stage: PieceStage) -> list[str]:
    return [item["name"] for item in await stage.preview()]


class Sheets:
    """A distribution that makes contact sheets."""

    @staticmethod
    def load() -> object:
        def make(pictures: Mapping[int, Path], sheet: Path) -> None:
            sheet.write_text("\n".join(picture.read_text() for picture in pictures.values()))

        return make


@pytest.fixture(autouse=True)
def _sheets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preview, "entry_points", lambda **_: [Sheets()])


async def test_the_first_gate_shows_a_contact_sheet_and_the_second_the_film(
    stage: PieceStage,
) -> None:
    for position in (1, 2):
        await stage.make("composite", position)
    await stage.finish("composites")
    await stage.shows_pieces()
    (sheet,) = await names(stage)
    assert sheet.startswith("contact-sheet-")
    await stage.make("film", 0)
    await stage.finish("assembly")
    await stage.shows_pieces()
    (film,) = await names(stage)
    assert film.startswith("film-00-")


async def test_without_a_maker_of_sheets_the_pictures_themselves_are_shown(
    stage: PieceStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preview, "entry_points", lambda **_: [])
    for position in (1, 2):
        await stage.make("composite", position)
    await stage.finish("composites")
    await stage.shows_pieces()
    assert [name[:12] for name in await names(stage)] == ["composite-01", "composite-02"]


async def test_an_editors_own_files_stay_beside_ours(stage: PieceStage) -> None:
    await stage.ask(
        "PATCH", f"/v1/pages/{stage.card_id}", {"properties": {"Preview": {"files": [MINE]}}}
    )
    await stage.make("composite")
    await stage.finish("composites")
    await stage.shows_pieces()
    await stage.make("composite", round_=2)
    await stage.finish("composites")
    await stage.shows_pieces()
    found = await names(stage)
    assert len(found) == 2
    assert found[1] == "sketch"


async def test_a_lost_answer_leaves_one_file(stage: PieceStage) -> None:
    await stage.make("composite")
    await stage.finish("composites")
    assert stage.between is not None

    def lose(request: httpx.Request, response: httpx.Response) -> httpx.Response:
        if request.method == "PATCH":
            raise httpx.ReadTimeout("lost", request=request)
        return response

    stage.between.alter = lose
    await stage.shows_pieces()
    stage.between.alter = lambda _request, response: response
    stage.clock.pass_(60)
    await stage.shows_pieces()
    assert len(await names(stage)) == 1


async def test_a_file_is_sent_again_only_when_its_content_changed(stage: PieceStage) -> None:
    await stage.make("composite")
    await stage.finish("composites")
    await stage.shows_pieces()
    await stage.finish("composites")
    async with stage.requests() as made:
        await stage.shows_pieces()
        assert made() == []


async def test_a_film_that_the_workspace_refuses_leaves_a_still_and_is_said_once(
    stage: PieceStage,
) -> None:
    await stage.make("composite")
    await stage.finish("composites")
    await stage.make("film", 0, content="x" * (5 * 1024 * 1024 + 1))
    for _ in range(3):
        await stage.finish("assembly")
        await stage.shows_pieces()
        stage.clock.pass_(3600)
    assert [name[:12] for name in await names(stage)] == ["composite-01"]
    film = await stage.page("film")
    note = film["Note"]["rich_text"][0]["plain_text"]
    assert note == "The workspace does not take this file (5.2 MB). It is here: film-0-1.mp4."
    assert film["File"]["files"] == []
    async with stage.sessions() as session:
        found = [one.name for one in await open_incidents(session, "file_refused")]
    assert found == ["file_refused"]
    # The film was offered twice: for the card and for its page.
    refused = [
        entry
        for entry in stage.sandbox.api.log.since(0)
        if entry["path"].endswith("/send") and entry["status"] == 400
    ]
    assert len(refused) == 2
