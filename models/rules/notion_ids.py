"""Notion's links and ids as people paste them."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

_ID_AT_END = re.compile("[0-9a-f]{32}$")
_DIGITS = re.compile("[0-9a-f]{32}")


def bare_id(text: str) -> str:
    """The digits of an id without dashes, whatever they were wrapped in; other text as it is, in lower case.

    Notion's links end in the page's id, after its title; a page opened beside its board is the parameter `p`.
    """
    text = text.strip().lower()
    if "/" in text:
        link = urlsplit(text)
        beside = parse_qs(link.query).get("p", [""])[0].replace("-", "")
        if _ID_AT_END.fullmatch(beside):
            return beside
        text = link.path.rstrip("/").rsplit("/", 1)[-1]
    bare = text.replace("-", "")
    found = _ID_AT_END.search(bare)
    return found[0] if found else bare


def page_id_of(text: str) -> str | None:
    """An id as Notion's API writes it, however it is spelled; None for what is no id at all."""
    digits = text.replace("-", "").lower()
    if _DIGITS.fullmatch(digits) is None:
        return None
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
