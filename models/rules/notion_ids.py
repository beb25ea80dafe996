"""Parse Notion's ids and links."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

_DIGITS = re.compile("[0-9a-f]{32}")
_DIGITS_AT_END = re.compile("[0-9a-f]{32}$")


def bare_id(text: str) -> str:
    """The 32 digits of an id or link, without dashes; other text in lower case without dashes.

    Notion's links end in the page's title and id. In the link of a page that is opened beside its
    board, the page's id is the parameter `p`.
    """
    text = text.strip().lower()
    if "/" in text:
        link = urlsplit(text)
        peeked = _without_dashes(parse_qs(link.query).get("p", [""])[0])
        if _DIGITS.fullmatch(peeked):
            return peeked
        text = link.path.rstrip("/").rsplit("/", 1)[-1]
    bare = _without_dashes(text)
    found = _DIGITS_AT_END.search(bare)
    return found[0] if found else bare


def page_id_of(text: str) -> str | None:
    """The id in the form of Notion's API, with dashes; None if the text is no id."""
    digits = _without_dashes(text.lower())
    if _DIGITS.fullmatch(digits) is None:
        return None
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def _without_dashes(text: str) -> str:
    return text.replace("-", "")
