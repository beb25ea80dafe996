"""A card's last moments, kept with it: the looks at it, our writes, what people changed (see `models.unseen`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from models.agreement import Base, by_property, wrote
from models.card import Card
from models.looks import Look
from models.merge import shown_of
from models.properties import BoardCard
from models.unseen import TWO_WAY, Claim, Recent, Unseen


def remember_moments(card: Card, look: Look, *, importing: bool) -> bool:
    """Note a look that counts, before it is settled: what people had changed by then, and what we wrote meanwhile.

    Returns:
        Whether people had changed anything.
    """
    recent, base, ours = Recent.from_json(card.recent), card.base, _ours(look)
    changed: Sequence[str]
    if base is None:
        changed = () if importing else TWO_WAY
    else:
        if ours:
            recent = recent.wrote(ours, look.tried_at or look.began, look.ended, by_property(base.shown))
        changed = list(_changed(wrote(base, dict(ours)), look.card))
    card.recent = recent.looked(look.began, look.ended, changed).as_json()
    return bool(changed)


def overtaken(card: Card, look: Look) -> Sequence[Unseen]:
    """What a void look tells all the same.

    That we wrote is to be remembered, else it would look like a person's move; and what it caught of a person's edit
    that a write of ours then overwrote, nobody will see again.
    """
    recent, base = Recent.from_json(card.recent), card.base
    found: Sequence[Unseen] = ()
    if base is None:
        return found
    if ours := _ours(look):
        recent = recent.wrote(ours, look.tried_at or look.began, look.ended)
    if look.written:
        card.remember(wrote(base, dict(look.written)), card.known_violations(), card.attention)
    elif look.by_id:
        found, recent = recent.caught(by_property(shown_of(look.card)), look.began, look.ended)
    card.recent = recent.as_json()
    return found


def unseen_by(card: Card, claims: Sequence[Claim]) -> Sequence[Unseen]:
    """What events tell of people's edits, now or before, and no look ever showed."""
    found, recent = Recent.from_json(card.recent).told(claims).overwritten()
    card.recent = recent.as_json()
    return found


def _ours(look: Look) -> Mapping[str, Any]:
    """What stands on the board because we wrote it: surely, or, after a failed write, as the page shows."""
    shown = by_property(shown_of(look.card))
    return look.written or {name: value for name, value in look.tried.items() if shown[name] == value}


def _changed(base: Base, read: BoardCard) -> Iterator[str]:
    """Properties that people changed since, whether they may or not."""
    before, now = by_property(base.shown), by_property(shown_of(read))
    yield from (name for name, value in now.items() if value != before[name])
    texts = {"Title": base.title, "Channel": base.channel, "Topic": base.topic, "Story Direction": base.story_direction}
    read_now = (read.title, read.channel, read.topic, read.story_direction)
    yield from (name for (name, text), new in zip(texts.items(), read_now, strict=True) if text != new)
