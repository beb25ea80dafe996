"""The filters of views: build the planned ones, and work out which cards another one shows."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any


class Undecided(Exception):
    """The filter depends on something else than the options of one property."""


def filter_of(property_id: str, kind: str, options: Collection[str]) -> dict[str, Any]:
    """A filter for the cards with one of these options.

    A compound "or", which every version of the API accepts.

    Args:
        property_id: as Notion gave it.
        kind: `select` or `status`.
        options: names; at least one.
    """
    conditions = [{"property": property_id, kind: {"equals": option}} for option in options]
    return conditions[0] if len(conditions) == 1 else {"or": conditions}


def options_shown(
    filter_: Mapping[str, Any] | None, names: Callable[[str], bool], options: Collection[str]
) -> frozenset[str | None] | None:
    """The options of one property whose cards a filter shows; None stands for a card without one.

    Args:
        filter_: of a view, as Notion returned it; None filters nothing.
        names: whether a condition's `property` (its name or its id) is that property.
        options: every option of that property.

    Returns:
        None when the filter depends on something else too, so that the answer is unknown.
    """
    try:
        return frozenset(
            value for value in (*options, None) if filter_ is None or _shows(filter_, names, value)
        )
    except Undecided:
        return None


def _shows(filter_: Mapping[str, Any], names: Callable[[str], bool], value: str | None) -> bool:
    for word, together in (("and", all), ("or", any)):
        if word in filter_:
            return together(_shows(part, names, value) for part in filter_[word])
    if not names(str(filter_.get("property"))):
        raise Undecided
    condition = filter_.get("select") or filter_.get("status") or {}
    match next(iter(condition.items()), ("", None)):
        case "equals", wanted:
            return value in _listed(wanted)
        case "does_not_equal", wanted:
            return value not in _listed(wanted)
        case "is_empty", _:
            return value is None
        case "is_not_empty", _:
            return value is not None
    raise Undecided


def _listed(wanted: Any) -> list[Any]:
    return wanted if isinstance(wanted, list) else [wanted]
