"""Validators of settings: tolerant of common mistakes, and never repeating a value in an error.

Every function takes a value and returns the one to use; it raises ValueError with what is wrong.
Pydantic adds the setting's name.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

from pydantic import SecretStr

Text = TypeVar("Text", str, SecretStr)

_QUOTES: Final = ('""', "''", "``", "“”", "„“", "\u2018\u2019", "«»")
_INVISIBLE: Final = "\ufeff\u200b\u200c\u200d\u2060"
"""Zero-width characters that come along when text is copied."""
_OF_KUBERNETES: Final = re.compile("(tcp|udp|sctp)://")
_SCHEME: Final = re.compile("[A-Za-z][A-Za-z0-9+.-]*://")
_BETWEEN_ADDRESSES: Final = re.compile(rf"\s+|,+\s*(?={_SCHEME.pattern})")
_AN_ID: Final = re.compile(
    "(?:^|[^0-9a-f])([0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$"
)
_LEVELS: Final = {"WARN": "WARNING"}


def unwrapped(text: str) -> str:
    """Strip blanks, line ends and quotes around a text."""
    text = text.strip().strip(_INVISIBLE).strip()
    quoted = len(text) > 1 and text[0] + text[-1] in _QUOTES
    return unwrapped(text[1:-1]) if quoted else text


def is_of_kubernetes(value: Any) -> bool:
    """Whether it is a value that Kubernetes sets `<NAME>_PORT` to for a service called <name>."""
    return isinstance(value, str) and _OF_KUBERNETES.match(value) is not None


def printable(value: Text) -> Text:
    """Check that a text holds no control characters."""
    if not _text(value).isprintable():
        raise ValueError("it holds a line break or another control character; write it on one line")
    return value


def postgres_url(value: SecretStr) -> SecretStr:
    """Check that a database's URL, if it is one, is of PostgreSQL."""
    scheme, is_url, _ = _text(printable(value)).partition("://")
    if is_url and not scheme.lower().startswith("postgres"):
        raise ValueError("it must begin with postgresql://; Showrunner needs PostgreSQL")
    return value


def header_value(value: Text) -> Text:
    """Check that a text can be sent in an HTTP header."""
    if not _text(value).isascii():
        raise ValueError(
            "it holds a character beyond ASCII, which cannot be sent in a header of HTTP"
        )
    return printable(value)


def one_word(value: Text) -> Text:
    """Check that a text is a token: a header's value without blanks."""
    if any(character.isspace() for character in _text(value)):
        raise ValueError("it holds a blank or a line break; copy it anew, in one piece")
    return header_value(value)


def folder(value: Path) -> Path:
    """Replace `~` in a path by the home folder."""
    printable(str(value))
    try:
        return value.expanduser()
    except RuntimeError:
        raise ValueError("it begins with ~, and there is no such user's home folder") from None


def web_address(value: str) -> str:
    """The URL of an HTTP server, without a slash at its end."""
    one_word(value)
    address = "it is no web address; it looks like https://host or http://host:port"
    try:
        parts = urlsplit(value)
        login = parts.username is not None or parts.password is not None
        found = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no number, or brackets that do not close
        raise ValueError(address) from None
    if not found:
        raise ValueError(address)
    if login:  # addresses are printed, logged and shown; a login is a setting of its own
        raise ValueError(
            "it holds a user or password; leave them out (PREFECT_API_AUTH_STRING takes Prefect's)"
        )
    return value.rstrip("/")


def api_address(value: str) -> str:
    """The URL of Notion's API without `/v1`, which each request adds."""
    return web_address(value).removesuffix("/v1")


def listening_host(value: str) -> str:
    """An address to listen on: a host name or an IP address, without a port."""
    one_word(value)
    host = value.removeprefix("[").removesuffix("]")
    if "/" in host or host.count(":") == 1:
        raise ValueError(
            "it is an address alone, such as 0.0.0.0; the port has a variable of its own"
        )
    return host


def board_id(value: str) -> str:
    """A database's or data source's id, from the id itself or a link that ends in it."""
    printable(value)
    # With a card open, the link's path is the board and its parameter `p` the card.
    end = re.split(r"[?#]", value)[0].rstrip("/").rsplit("/", 1)[-1]
    found = _AN_ID.search(end.lower())
    if found is None:
        raise ValueError(
            "it is neither the link of a Notion database nor an id of 32 digits: "
            "open the board as a page of its own and copy its link"
        )
    return value if found[1] == value.lower() else found[1].replace("-", "")


def addresses(value: Any) -> Any:
    """Split a text into Apprise URLs.

    A comma separates them only where another one begins, because a URL may hold commas.
    """
    if not isinstance(value, str):
        return value
    found: list[str] = []
    for piece in _BETWEEN_ADDRESSES.split(value):
        if _SCHEME.match(piece):
            found.append(piece)
        elif piece.strip(","):
            # After a comma and a blank the previous URL continues: another recipient of a mail.
            if not found or not (found[-1].endswith(",") or piece.startswith(",")):
                raise ValueError(
                    "an address begins with what it is for, such as slack:// or mailto://; "
                    "one does not"
                )
            found[-1] += piece
        elif found:
            found[-1] += piece
    return tuple(address.rstrip(",") for address in found)


def work_pools(value: Any) -> Any:
    """Split `step=pool, step=pool` into pairs."""
    if not isinstance(value, str):
        return value
    found = []
    for part in filter(None, re.split(r"[\s,]+", unwrapped(value))):
        step, is_given, pool = part.partition("=")
        if not (step and is_given and pool):
            raise ValueError("write step=pool, e.g. assembly=heavy, with commas between several")
        found.append((step, pool))
    return tuple(found)


def upper(value: Any) -> Any:
    """A log level in its usual spelling."""
    if not isinstance(value, str):
        return value
    return _LEVELS.get(value.upper(), value.upper())


def lower(value: Any) -> Any:
    """A word in lower case."""
    return value.lower() if isinstance(value, str) else value


def _text(value: str | SecretStr) -> str:
    return value.get_secret_value() if isinstance(value, SecretStr) else value
