"""Every difference between a board as it is and as it should be."""

from __future__ import annotations

from models.board.drift_kinds import Drift, Part, Severity
from models.board.drift_options import option_drift
from models.board.drift_properties import property_drift
from models.board.drift_views import view_drift
from models.board.snapshot import BoardSnapshot, Json
from models.rules.notion_ids import bare_id


def drift(snapshot: BoardSnapshot) -> list[Drift]:
    """The differences, the worst first; nothing for a board that is as it should be."""
    lost = _lost(snapshot)
    if lost is not None:
        return [lost]
    found = [
        *_several(snapshot),
        *property_drift(snapshot),
        *option_drift(snapshot),
        *view_drift(snapshot),
    ]
    order = list(Severity)
    return sorted(found, key=lambda one: order.index(one.severity))


def _lost(snapshot: BoardSnapshot) -> Drift | None:
    if snapshot.database is None:
        return _stops(
            "board-not-found",
            "Notion finds no board under this id.",
            "In Notion: ••• of the board → Connections → add the connection. Or set NOTION_DATABASE_ID to the right "
            "board; `showrunner board create` makes one.",
        )
    sources = snapshot.database.get("data_sources", ())
    if snapshot.database.get("in_trash") or (snapshot.data_source or {}).get("in_trash"):
        return _stops(
            "board-in-trash",
            "The board is in Notion's trash.",
            "In Notion: Trash → restore the board.",
        )
    if snapshot.data_source is None:
        return _stops(
            "data-source-unclear",
            f"The database has {len(sources)} data sources, and none or several of them are meant: {_named(sources)}.",
            "Set NOTION_DATA_SOURCE to the name or id of the one that is the board.",
        )
    return None


def _stops(slug: str, wrong: str, cure: str) -> Drift:
    return Drift(
        slug=slug,
        severity=Severity.STOPS,
        part=Part.BOARD,
        wrong=wrong,
        breaks="Nothing is synced; no card is marked as gone for it.",
        cure=cure,
    )


def _several(snapshot: BoardSnapshot) -> list[Drift]:
    sources = (snapshot.database or {}).get("data_sources", ())
    mine = bare_id(str((snapshot.data_source or {})["id"]))
    others = [source for source in sources if bare_id(source["id"]) != mine]
    if not others:
        return []
    return [
        Drift(
            slug="several-data-sources",
            severity=Severity.NOTE,
            part=Part.BOARD,
            wrong=f"The database has other data sources beside the board: {_named(others)}.",
            breaks="Nothing: their pages are not followed.",
            cure="Nothing to do.",
        )
    ]


def _named(sources: list[Json] | tuple[Json, ...]) -> str:
    return ", ".join(f"“{source['name']}” ({source['id']})" for source in sources)
