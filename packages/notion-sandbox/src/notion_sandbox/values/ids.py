"""Identifiers: UUIDs of objects, short ids of properties, tokens; from a given random source."""

import re
import uuid
from random import Random
from urllib.parse import quote, unquote

_UUID = re.compile(
    r"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}", re.IGNORECASE
)
_PROPERTY_CHARACTERS = ":;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~"
_TOKEN_CHARACTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"  # noqa: S105 - an alphabet
TITLE_ID = "title"
"""The id of every title property (Notion: property object)."""


def new_uuid(rng: Random) -> str:
    """A random UUID, with dashes."""
    return str(uuid.UUID(int=rng.getrandbits(128), version=4))


def parse_uuid(text: object) -> str | None:
    """The UUID with dashes and lower case, or None if it is not one.

    Notion takes both spellings.
    """
    if not isinstance(text, str) or _UUID.fullmatch(text) is None:
        return None
    return str(uuid.UUID(text))


def new_property_id(rng: Random, taken: set[str]) -> str:
    """Four random characters as Notion makes them; many need percent-encoding."""
    while True:
        candidate = "".join(rng.choice(_PROPERTY_CHARACTERS) for _ in range(4))
        if candidate not in taken:
            return candidate


def new_token(rng: Random, prefix: str) -> str:
    """A token such as `ntn_…` or `secret_…` with 43 random characters."""
    return prefix + "".join(rng.choice(_TOKEN_CHARACTERS) for _ in range(43))


def encoded(property_id: str) -> str:
    """A property id as responses and webhooks carry it."""
    return quote(property_id, safe="!~*'()")


def decoded(property_id: str) -> str:
    """The id behind an encoded one; an id that was not encoded is returned as it is."""
    return unquote(property_id)
