"""A page per piece: what it shows, made once, and what people do to it stays."""

from __future__ import annotations

import httpx
import pytest
from kit.pieces import PieceStage

from tasks.sync.push.new_cards import GIVEN_UP


class Killed(BaseException):
    """The process died."""


def text_of(prop: dict[str, object]) -> str:
    parts = prop[str(prop["type"])]
    assert isinstance(parts, list)
    return "".join(part["plain_text"] for part in parts)


async def test_a_piece_has_a_page_with_its_file_behind_the_cards_relation(
    stage: PieceStage,
) -> None:
    piece = await stage.make("image", 2)
    await stage.sql(
        "INSERT INTO spends (at, task_id, task_title, channel_id, piece_id, what, kind, usd) "
        "VALUES (now(), :task, 'squid', 'deep_sea_stories', :piece, 'image 2', 'charged', 0.25)",
        task=stage.task_id,
        piece=piece,
    )
    shown = await stage.shows_pieces()
    assert (shown.made, shown.files, shown.failed) == (1, 1, 0)
    page = await stage.page("image")
    assert text_of(page["Name"]) == "Giant squid · image 2"
    assert text_of(page["Piece"]) == str(piece)
    assert (page["Kind"]["select"]["name"], page["Status"]["select"]["name"]) == ("Image", "Done")
    assert (page["Scene"]["number"], page["Round"]["number"]) == (2, 1)
    assert page["Cost"]["number"] == 0.25
    assert [item["name"] for item in page["File"]["files"]] == [
        f"image-02-{(await stage.row(piece))['file_sha256'][:12]}.png"
    ]
    assert page["Card"]["relation"] == [{"id": stage.card_id}]
    assert (await stage.shows(stage.card_id))["Assets"] == [{"id": page["id"]}]


async def test_each_kind_stands_behind_its_relation(stage: PieceStage) -> None:
    for kind in ("image", "composite", "clip", "film", "narration", "sound"):
        await stage.make(kind)
    await stage.shows_pieces()
    kinds = {
        name: sorted(page["properties"]["Kind"]["select"]["name"] for page in pages)
        for name in ("Assets", "Videos", "Audio")
        if (pages := await stage.pages(name))
    }
    assert kinds == {
        "Assets": ["Composite", "Image"],
        "Videos": ["Clip", "Film"],
        "Audio": ["Narration", "Sound"],
    }


async def test_what_is_shown_is_not_written_again(stage: PieceStage) -> None:
    await stage.make("image")
    await stage.shows_pieces()
    async with stage.requests() as made:
        await stage.shows_pieces()
        assert made() == []


async def test_a_page_whose_answer_was_lost_is_found_and_not_made_twice(stage: PieceStage) -> None:
    piece = await stage.make("image")
    assert stage.between is not None

    def lose(request: httpx.Request, response: httpx.Response) -> httpx.Response:
        if (request.method, request.url.path) == ("POST", "/v1/pages"):
            raise httpx.ReadTimeout("lost", request=request)
        return response

    stage.between.alter = lose
    shown = await stage.shows_pieces()
    assert (shown.made, shown.failed) == (0, 1)
    stage.between.alter = lambda _request, response: response
    for _ in range(3):
        stage.clock.pass_(GIVEN_UP.total_seconds())
        await stage.shows_pieces()
    assert len(await stage.pages()) == 1
    row = await stage.row(piece)
    assert (row["notion_page_id"], row["shown"]) == ((await stage.page("image"))["id"], 1)
    assert len((await stage.page("image"))["File"]["files"]) == 1


async def test_a_process_that_dies_after_the_request_makes_no_twin(stage: PieceStage) -> None:
    await stage.make("image")
    assert stage.between is not None

    def die(request: httpx.Request, response: httpx.Response) -> httpx.Response:
        if (request.method, request.url.path) == ("POST", "/v1/pages"):
            raise Killed
        return response

    stage.between.alter = die
    with pytest.raises(Killed):
        await stage.shows_pieces()
    stage.between.alter = lambda _request, response: response
    for _ in range(3):
        await stage.shows_pieces()
        stage.clock.pass_(60)
    assert len(await stage.pages()) == 1


async def test_a_request_that_made_no_page_is_repeated_after_a_while(stage: PieceStage) -> None:
    await stage.make("image")
    assert stage.between is not None
    stage.sandbox.api.faults.add(503, times=1, method="POST", path="/v1/pages")
    await stage.shows_pieces()
    assert await stage.pages() == []
    for _ in range(4):
        stage.clock.pass_(GIVEN_UP.total_seconds())
        await stage.shows_pieces()
    assert len(await stage.pages()) == 1


async def test_a_page_that_people_trashed_is_not_made_again(stage: PieceStage) -> None:
    piece = await stage.make("image")
    await stage.shows_pieces()
    await stage.trash((await stage.page("image"))["id"])
    await stage.sql("UPDATE pieces SET state = 'failed' WHERE id = :piece", piece=piece)
    for _ in range(3):
        stage.clock.pass_(3600)
        await stage.shows_pieces()
    assert await stage.pages() == []
    assert (await stage.row(piece))["trashed_at"] is not None


async def test_an_old_round_is_marked_and_kept(stage: PieceStage) -> None:
    await stage.make("image")
    await stage.shows_pieces()
    await stage.make("image", round_=2)
    await stage.shows_pieces()
    found = {
        page["properties"]["Round"]["number"]: page["properties"]["Status"]["select"]["name"]
        for page in await stage.pages()
    }
    assert found == {1: "Replaced", 2: "Done"}


async def test_what_people_write_on_a_page_stays(stage: PieceStage) -> None:
    piece = await stage.make("image")
    await stage.shows_pieces()
    page = await stage.page("image")
    mine = {"type": "external", "name": "mine", "external": {"url": "https://example.org/a.png"}}
    await stage.ask(
        "PATCH",
        f"/v1/pages/{page['id']}",
        {
            "properties": {
                "Name": {"title": [{"text": {"content": "The best eye"}}]},
                "File": {"files": [*page["File"]["files"], mine]},
            }
        },
    )
    await stage.make("image", round_=2)  # marks the first
    (stage.folder / "image-1-1.png").write_text("another eye")
    await stage.sql("UPDATE pieces SET sha256 = repeat('a', 64) WHERE id = :piece", piece=piece)
    await stage.shows_pieces()
    shown = await stage.ask("GET", f"/v1/pages/{page['id']}")
    assert text_of(shown["properties"]["Name"]) == "The best eye"
    names = [item["name"] for item in shown["properties"]["File"]["files"]]
    assert names == ["image-01-aaaaaaaaaaaa.png", "mine"]


async def test_a_file_that_vanished_is_said_on_its_page_alone(stage: PieceStage) -> None:
    await stage.make("image")
    await stage.make("clip")
    (stage.folder / "image-1-1.png").unlink()
    shown = await stage.shows_pieces()
    assert (shown.made, shown.files) == (2, 1)
    page = await stage.page("image")
    assert text_of(page["Note"]).startswith("Its file is no longer there: image-1-1.png.")
    assert text_of((await stage.page("clip"))["Note"]) == ""


async def test_a_path_that_leaves_the_folder_is_not_followed(stage: PieceStage) -> None:
    secret = stage.folder.parent / "secret.png"
    secret.write_text("secret")
    stage.folder.mkdir(exist_ok=True)
    (stage.folder / "link.png").symlink_to(secret)
    for position, path in enumerate((str(secret), "link.png"), 1):
        await stage.make("image", position, path=path, input_hash=None)
    shown = await stage.shows_pieces()
    assert (shown.made, shown.files) == (2, 0)


async def test_one_odd_piece_costs_that_piece(stage: PieceStage) -> None:
    odd = await stage.make("image", 1, url="https://example.org/" + "x" * 3000)
    await stage.make("image", 2)
    shown = await stage.shows_pieces()
    assert (shown.made, shown.failed) == (1, 1)
    assert "url" in (await stage.row(odd))["last_error"].lower()
