"""Parse a verified body: three shapes of delivery become one `Delivery`.

- Notion's webhooks (reference page "Webhooks"): `id`, `type`, `entity`, `data`, `authors`. Ids
only, never values.
- A database automation's "Send webhook" action: `source.type == "automation"`, `data` is a page.
- The flat shape of spec 3.3: `id`, `type`, `object: {id, properties}`.

Unknown types and fields are kept. An event only causes its page to be read again; the values in its
payload are never used as data.
"""

from __future__ import annotations

import json
from enum import StrEnum
from hashlib import sha256
from math import isinf
from typing import Any, Final, NoReturn

from models.rules.codec.read import storable
from models.rules.notion_ids import page_id_of
from models.tables.webhook_events import Delivery
from webhook.refusals import Refusal

EVENT_ID_MAX: Final = 200
EVENT_TYPE_MAX: Final = 100
PAGE_ID_MAX: Final = 100
"""Characters, as the inbox's columns have them."""
TOKEN_MAX: Final = 200
"""Characters of a verification token; Notion's have 50."""
DEPTH_MAX: Final = 100
"""Levels of nesting, the outermost object being the first.

Notion's deepest pages use about a dozen; PostgreSQL and Python fail near a thousand.
"""
AUTOMATION: Final = "automation"
"""`event_type` of an automation's delivery, whose payload has no type."""

_CONTAINERS = (list, dict)


class Shape(StrEnum):
    """The kind of a body."""

    NOTION = "notion"
    """A webhook of Notion's, known type or not."""
    AUTOMATION = "automation"
    """A database automation's "Send webhook" action."""
    FLAT = "flat"
    """The shape of spec 3.3."""
    HANDSHAKE = "handshake"
    """A new subscription's verification token."""


def parse(body: bytes) -> dict[str, Any]:
    """Parse the JSON object in a body, so that PostgreSQL's jsonb can store it.

    U+0000 and lone surrogates are removed.

    Raises:
        Refusal: 400 when it is not JSON, not an object, nested deeper than `DEPTH_MAX`, or holds
            NaN or an infinity.
    """
    try:
        value = json.loads(body, parse_constant=_no_number, parse_float=_finite)
    except RecursionError:
        raise Refusal(400, "nested_too_deep") from None
    except ValueError:  # UnicodeDecodeError and an integer of thousands of digits too
        raise Refusal(400, "not_json") from None
    if not isinstance(value, dict):
        raise Refusal(400, "not_an_object")
    cleaned: dict[str, Any] = _clean(value, 1)
    return cleaned


def _no_number(_name: str) -> NoReturn:
    raise Refusal(400, "not_finite")


def _finite(digits: str) -> float:
    number = float(digits)
    if isinf(number):  # 1e400
        _no_number(digits)
    return number


def _clean(value: Any, level: int) -> Any:
    if isinstance(value, str):
        return storable(value)
    if not isinstance(value, _CONTAINERS):
        return value
    if level > DEPTH_MAX:
        raise Refusal(400, "nested_too_deep")
    if isinstance(value, list):
        return [_clean(item, level + 1) for item in value]
    return {storable(key): _clean(item, level + 1) for key, item in value.items()}


def shape_of(payload: dict[str, Any]) -> Shape:
    """The shape of a payload; one that fits none counts as a new type of Notion's webhooks."""
    source = payload.get("source")
    if isinstance(source, dict) and source.get("type") == "automation":
        return Shape.AUTOMATION
    if "verification_token" in payload and "type" not in payload:
        return Shape.HANDSHAKE
    if "entity" not in payload and isinstance(payload.get("object"), dict):
        return Shape.FLAT
    return Shape.NOTION


def read_delivery(payload: dict[str, Any], body: bytes) -> Delivery:
    """The delivery in a payload of any shape but a handshake.

    Args:
        payload: the parsed body.
        body: the raw bytes of it.

    Raises:
        Refusal: 400 when the event's id, its type or the page's id is missing, no text, or longer
            than its column; and when the event's id or type holds control characters.
    """
    match shape_of(payload):
        case Shape.AUTOMATION:
            event_id = _text(
                payload["source"].get("event_id", _digest(body)), EVENT_ID_MAX, "event_id_invalid"
            )
            event_type, page = AUTOMATION, payload.get("data")
            about_page = isinstance(page, dict) and page.get("object", "page") == "page"
        case Shape.FLAT:
            event_id, event_type = _event(payload)
            page, about_page = payload["object"], True
        case _:
            event_id, event_type = _event(payload)
            page = payload.get("entity")
            about_page = isinstance(page, dict) and page.get("type") == "page"
    page_id = None
    if about_page and isinstance(page, dict):
        page_id = _page_id(page.get("id"))
    return Delivery(event_id=event_id, event_type=event_type, page_id=page_id, payload=payload)


def handshake_token(payload: dict[str, Any]) -> str | None:
    """The verification token in a handshake; None when there is none that could be a secret."""
    token = payload.get("verification_token")
    if isinstance(token, str) and token.strip() and len(token) <= TOKEN_MAX:
        return token
    return None


def _event(payload: dict[str, Any]) -> tuple[str, str]:
    event_id = _text(payload.get("id"), EVENT_ID_MAX, "event_id_invalid")
    return event_id, _text(payload.get("type"), EVENT_TYPE_MAX, "event_type_invalid")


def _page_id(value: Any) -> str | None:
    """The id in the API's spelling, so that one page has one id however a sender spells it.

    None for a text that is no id: the event is then about no page.
    """
    if not isinstance(value, str) or not value.strip() or len(value) > PAGE_ID_MAX:
        raise Refusal(400, "page_id_invalid")
    return page_id_of(value)


def _text(value: Any, longest: int, reason: str) -> str:
    """A text that is stored, logged and printed, so without control characters."""
    if (
        not isinstance(value, str)
        or not value.strip()
        or len(value) > longest
        or not value.isprintable()
    ):
        raise Refusal(400, reason)
    return value


def _digest(body: bytes) -> str:
    """An id for a delivery without one: the same bytes are the same event."""
    return f"automation:{sha256(body).hexdigest()}"
