"""Edits that nobody saw: somebody changed a property between our last look at a card and our write of that property.

Notion has no conditional write, so such an edit is overwritten, and its value may be gone. That it was made must not
be: the value stands in a look that the write overtook, or else an event about the page tells that there was one.

Events name properties, never values, and Notion gathers the changes of a page before it sends one; so an event counts
only where no look explains it. What is remembered of a card's last moments fits in one small column.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import unquote

from pydantic import BaseModel, ConfigDict, ValidationError

from models.rules.board_schema import Board
from models.tables.notion_users import is_our_bot

TWO_WAY: Final = ("Status", "Priority")
"""Properties that people and we both write. What people write into ours alone is put right without
a word."""
AGGREGATION_WINDOW: Final = timedelta(minutes=2)
"""How long Notion may gather changes of one page into one event. It says "a short window" and
delivers most within one minute; taken longer, an edit that was seen hides one that was not."""
_KEPT: Final = 5
"""Writes and claims remembered per card: events come within minutes, cycles are a minute apart."""
_OLD: Final = timedelta(hours=25)
"""Of an edit longer ago nobody wants to be told on the card; Notion itself gives an event up after
a day."""
STATES_KEPT: Final = 8
"""States remembered per card: of more within one minute none is told apart any more
(`models.sync.stale_queries`)."""
_LOOKS: Final = 3
"""Looks remembered per card: more than one may end while one write is under way."""


class _Fact(BaseModel):
    model_config = ConfigDict(frozen=True)


class ReportedEdit(_Fact):
    """What an event says that people did to a page.

    Attributes:
        at: when the last of the changes was made.
        properties: what was changed, by our names; by their ids where we have none.
        alone: whether no write of ours is among the changes.
    """

    at: datetime
    properties: frozenset[str]
    alone: bool


class Write(_Fact):
    """One write of ours.

    Attributes:
        since, seen: when the last look before it began and ended.
        sent, until: when it was sent and answered.
        names: every property it wrote.
        before: what the last look showed of the two-way ones among them; empty when a newer look
            overtook the write.
        after: what was written of those.
        told: whether it is known by now that it hid an edit: an event may come again, even after a
            year.
    """

    since: datetime
    seen: datetime
    sent: datetime
    until: datetime
    names: frozenset[str]
    before: Mapping[str, str | None]
    after: Mapping[str, str | None]
    told: bool = False

    def hid(self, names: Sequence[str]) -> LostUpdate:
        """That an edit of one of these was overwritten."""
        return LostUpdate(
            name=" or ".join(names), written=", ".join(str(self.after[name]) for name in names)
        )


class LostUpdate(_Fact):
    """An edit that was overwritten by `written`.

    Attributes:
        name: the property; where nobody can tell which, all that it may have been.
        value: what it was, where a look had caught it; `known` is whether one had.
    """

    name: str
    written: str | None
    value: str | None = None
    known: bool = False

    @property
    def sentence(self) -> str:
        """For the card's editor."""
        when = f"by hand just when it was set to “{self.written}” here"
        if self.known:
            return f"“{self.name}” was changed to “{self.value or 'empty'}” {when}; that change was overwritten."
        return f"“{self.name}” was changed {when}; if it was changed to something else, that was overwritten."


class RecentActivity(_Fact):
    """A card's last moments.

    Attributes:
        looks: when the last looks that counted began and ended.
        changes: when a look last showed that people changed a property, by property.
        claims: what events told that no write explains yet: the write may be under way.
        last_by_id: whether the last look was at the page itself; None once a write of ours came
            after it.
        states: what stands for the states that were seen in the minute of the last edit, before the
            present one (`models.sync.stale_queries.known_state_digest`).
    """

    observations: tuple[tuple[datetime, datetime], ...] = ()
    changes: Mapping[str, datetime] = {}
    writes: tuple[Write, ...] = ()
    claims: tuple[ReportedEdit, ...] = ()
    last_by_id: bool | None = None
    states: tuple[str, ...] = ()

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> RecentActivity:
        """What `as_json` wrote; nothing where another release wrote it otherwise."""
        try:
            return cls.model_validate(value)
        except ValidationError:
            return cls()

    def as_json(self) -> dict[str, Any]:
        """A JSON value from which `from_json` makes the same."""
        return self.model_dump(mode="json", exclude_defaults=True)

    def looked(self, began: datetime, ended: datetime, changed: Iterable[str]) -> RecentActivity:
        """After a look that counted and showed that people had changed these properties."""
        changes = {**self.changes, **dict.fromkeys(changed, ended)}
        return self.model_copy(
            update={
                "observations": (*self.observations, (began, ended))[-_LOOKS:],
                "changes": changes,
            }
        )

    def stood(self, states: Iterable[str], *, by_id: bool | None) -> RecentActivity:
        """After a look that counted, at the page itself or not; `states` were seen in the same minute before."""
        return self.model_copy(update={"last_by_id": by_id, "states": tuple(states)[-STATES_KEPT:]})

    def with_write(
        self,
        values: Mapping[str, Any],
        sent: datetime,
        until: datetime,
        before: Mapping[str, Any] | None = None,
    ) -> RecentActivity:
        """After a write of these values, over `before` if no newer look overtook it."""
        earlier = [observation for observation in self.observations if observation[1] <= sent]
        two_way = [name for name in TWO_WAY if name in values]
        if not earlier or not two_way:
            return self
        since, seen = earlier[-1]
        write = Write(
            since=since,
            seen=seen,
            sent=sent,
            until=until,
            names=frozenset(values),
            before={name: before[name] for name in two_way} if before is not None else {},
            after={name: values[name] for name in two_way},
        )
        return self.model_copy(update={"writes": (*self.writes, write)[-_KEPT:]})

    def told(self, claims: Iterable[ReportedEdit]) -> RecentActivity:
        """After events told of changes."""
        new = [claim for claim in claims if claim not in self.claims]
        return self.model_copy(update={"claims": (*self.claims, *new)[-_KEPT:]}) if new else self

    def caught(
        self, shown: Mapping[str, Any], began: datetime, ended: datetime
    ) -> tuple[list[LostUpdate], RecentActivity]:
        """What a look at the page itself caught that a write of ours then overtook."""
        found = {
            name: LostUpdate(name=name, written=write.after[name], value=shown[name], known=True)
            for write in self.writes
            if write.seen <= began < write.until
            for name in write.before
            if shown[name] not in (write.before[name], write.after[name])
        }
        changes = {**self.changes, **dict.fromkeys(found, ended)}
        return list(found.values()), self.model_copy(update={"changes": changes}) if found else self

    def overwritten(self) -> tuple[list[LostUpdate], RecentActivity]:
        """What events claim that no look explains and a write of ours does."""
        found, writes, claims = [], list(self.writes), []
        for claim in self.claims:
            for n, write in enumerate(writes):
                if names := [
                    name for name in write.after if self._may_have_been(claim, name, write)
                ]:
                    found += [] if write.told else [write.hid(names)]
                    writes[n] = write.model_copy(update={"told": True})
                    break
            else:
                claims.append(claim)
        return found, self.model_copy(update={"claims": tuple(claims), "writes": tuple(writes)})

    def _may_have_been(self, claim: ReportedEdit, name: str, write: Write) -> bool:
        return (
            name in claim.properties and _in_time(claim, write) and not self._explained(claim, name)
        )

    def _explained(self, claim: ReportedEdit, name: str) -> bool:
        """Whether a look showed what the event tells of."""
        if claim.alone and claim.properties == {name}:
            return self._changed_since(claim.at, name)  # its time is that property's own
        names = [name] if claim.alone else list(self.changes)
        return any(self._changed_since(claim.at - AGGREGATION_WINDOW, each) for each in names)

    def _changed_since(self, moment: datetime, name: str) -> bool:
        return name in self.changes and self.changes[name] >= moment


def _in_time(claim: ReportedEdit, write: Write) -> bool:
    """Whether what the event tells of may lie between the last look and the write."""
    if claim.alone:
        return write.since < claim.at <= write.until
    # Gathered with ours: that people did any of it is certain only when there is nothing else in
    # it.
    return (
        write.sent <= claim.at <= write.until + AGGREGATION_WINDOW
        and claim.properties <= write.names
    )


def parse_reported_edit(
    payload: Mapping[str, Any], received_at: datetime, board: Board, bot_ids: Collection[str]
) -> ReportedEdit | None:
    """What an event of Notion's claims that people did; None when it tells of none of their edits, or is old.

    Args:
        payload: the event (Notion: `page.properties_updated`; its property ids are URL-encoded, as a schema's are).
        received_at: when it came; Notion tries for about a day.
        board: by whose ids the properties are named.
        bot_ids: the Notion users under which our own writes come back.
    """
    data, authors = payload.get("data"), payload.get("authors")
    changed = data.get("updated_properties") if isinstance(data, dict) else None
    if not isinstance(changed, list) or not isinstance(authors, list):
        return None
    ids = [author.get("id") for author in authors if isinstance(author, dict)]
    if all(is_our_bot(id_, bot_ids) for id_ in ids):
        return None
    try:
        at = datetime.fromisoformat(str(payload.get("timestamp")))
    except ValueError:
        return None
    names = {unquote(known.id): name for name, known in board.properties.items()}
    computed = {unquote(id_) for id_ in board.computed_ids}
    edited = {unquote(id_) for id_ in changed if isinstance(id_, str)} - computed
    if at.tzinfo is None or not edited or received_at - at > _OLD:
        return None
    return ReportedEdit(
        at=at,
        properties=frozenset(names.get(id_, id_) for id_ in edited),
        alone=not any(is_our_bot(id_, bot_ids) for id_ in ids),
    )
