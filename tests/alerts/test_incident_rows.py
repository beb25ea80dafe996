"""How incidents are stored, and what messages about them say."""

from __future__ import annotations

from datetime import timedelta

from kit.clock import NOW

from models.operations.alert_texts import message
from models.postgres.engine import Sessions
from models.tables.incidents import (
    Incident,
    Level,
    open_incident,
    open_incidents,
)


def incident(name: str = "notion_auth", **changes: object) -> Incident:
    given_ = {"level": Level.ERROR, "title": "It broke", "since": NOW, "due": NOW}
    return Incident(name=name, **{**given_, **changes})  # type: ignore[arg-type]


async def test_an_incident_of_any_name_is_remembered_whole(sessions: Sessions) -> None:
    long = incident("dead_event:" + "é" * 200, facts={"page": "p-1"})
    async with sessions.begin() as session:
        assert await open_incident(session, long)
        assert not await open_incident(session, long)
    async with sessions() as session:
        assert await open_incidents(session) == [long]
        assert await open_incidents(session, "dead_event:") == [long]
        assert await open_incidents(session, "dead%") == []


def test_a_message_about_many_lists_ten_and_counts_the_rest() -> None:
    title, body = message(
        [incident(f"card_failing:{n}", facts={"page": f"p-{n}"}) for n in range(14)]
    )
    assert title == "[ERROR] Showrunner: 14 times: A card cannot be written to the board"
    assert body.count("- 2026-11-23 10:00:30 UTC page: p-") == 10
    assert body.endswith("- and 4 more")


def test_a_fact_that_says_what_to_do_says_it_better_than_the_kind() -> None:
    _, body = message([incident("dead_event:e", facts={"what to do": "showrunner events show e"})])
    assert "What to do: showrunner events show e\n" in body
    assert body.count("hat to do") == 1


def test_a_kind_nobody_wrote_about_is_told_all_the_same() -> None:
    title, body = message([incident("new_kind:1", until=NOW + timedelta(minutes=7), notified=True)])
    assert (title, body.splitlines()[0]) == (
        "[OVER] Showrunner: It broke",
        "From 2026-11-23 10:00:30 UTC to 2026-11-23 10:07:30 UTC.",
    )
