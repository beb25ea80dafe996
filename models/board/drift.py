"""Every difference between a board as it is and as it should be."""

from __future__ import annotations

from collections.abc import Iterable

from models.board import drift_table as table
from models.board.drift_kinds import Drift, Severity
from models.board.drift_options import option_drift
from models.board.drift_pieces import piece_drift
from models.board.drift_properties import property_drift
from models.board.drift_views import view_drift
from models.board.snapshot import BoardSnapshot, Json
from models.rules.notion_ids import bare_id


def drift(snapshot: BoardSnapshot) -> list[Drift]:
    """The differences, the worst first; empty for a board that is as it should be."""
    unreachable = _unreachable(snapshot)
    if unreachable is not None:
        return [unreachable]
    found = [
        *_other_data_sources(snapshot),
        *property_drift(snapshot),
        *option_drift(snapshot),
        *view_drift(snapshot),
        *piece_drift(snapshot),
    ]
    order = list(Severity)
    return sorted(found, key=lambda one: order.index(one.severity))


def _unreachable(snapshot: BoardSnapshot) -> Drift | None:
    """Why the board cannot be compared at all; None when it can be."""
    if snapshot.database is None:
        return table.BOARD_NOT_FOUND.drift()
    source = snapshot.data_source
    if snapshot.database.get("in_trash") or (source or {}).get("in_trash"):
        return table.BOARD_IN_TRASH.drift()
    if source is None:
        sources = snapshot.database.get("data_sources", ())
        return table.DATA_SOURCE_UNCLEAR.drift(count=len(sources), named=_named(sources))
    return None


def _other_data_sources(snapshot: BoardSnapshot) -> list[Drift]:
    sources = (snapshot.database or {}).get("data_sources", ())
    followed = bare_id(str((snapshot.data_source or {})["id"]))
    others = [source for source in sources if bare_id(source["id"]) != followed]
    return [table.SEVERAL_DATA_SOURCES.drift(named=_named(others))] if others else []


def _named(sources: Iterable[Json]) -> str:
    return ", ".join(f"“{source['name']}” ({source['id']})" for source in sources)
