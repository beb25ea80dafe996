"""Lost updates: a user's edit of a property between our last reading of a card and our write of it.

Notion has no conditional write, so such an edit is overwritten, and its value may be lost. That it
was made must not be lost. Either a reading that our write overtook still shows the value, or a
webhook event reports that the property was edited.

Events name properties, never values, and Notion aggregates the changes of a page before it sends
one. So an event counts only if no reading explains it. What is needed to decide that fits in one
small JSON column per card.
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
"""Properties that both users and we write. Users' values in the properties that only we write are
corrected by the next push."""
AGGREGATION_WINDOW: Final = timedelta(minutes=2)
"""How long Notion may aggregate changes of one page into one event. It says "a short window" and
delivers most within one minute. If this is too long, an edit that was read hides one that was
not."""
_KEPT: Final = 5
"""Writes and reported edits kept per card: events arrive within minutes, cycles are a minute
apart."""
_REPORTED_WITHIN: Final = timedelta(hours=25)
"""Events about older edits are ignored; Notion itself stops delivering an event after a day."""
STATES_KEPT: Final = 8
"""States kept per card. With more than these in one minute, no query's row of it is accepted
(`models.sync.observations.contradicted_reading`)."""
_READINGS_KEPT: Final = 3
"""Readings kept per card: more than one may end while one write is in flight."""


class _Fact(BaseModel):
    model_config = ConfigDict(frozen=True)


class ReportedEdit(_Fact):
    """Edits of one page by users, as a webhook event reports them.

    Attributes:
        at: when the last of the changes was made.
        properties: what was changed: our names of the properties, or ids of those without a name.
        alone: whether no write of ours is among the changes.
    """

    at: datetime
    properties: frozenset[str]
    alone: bool


class Write(_Fact):
    """One write of ours.

    Attributes:
        since, seen: when the last reading before it began and ended.
        sent, until: when it was sent and answered.
        names: every property it wrote.
        before: what that reading showed of the two-way properties among them; empty if a newer
            reading overtook the write.
        after: what was written to those.
        reported: whether it was already reported that it overwrote an edit: an event may be
            delivered again, even after a year.
    """

    since: datetime
    seen: datetime
    sent: datetime
    until: datetime
    names: frozenset[str]
    before: Mapping[str, str | None]
    after: Mapping[str, str | None]
    reported: bool = False

    def lost_update(self, names: Sequence[str]) -> LostUpdate:
        """The overwritten edit of one of these properties."""
        written = ", ".join(str(self.after[name]) for name in names)
        return LostUpdate(name=" or ".join(names), written=written)


class LostUpdate(_Fact):
    """An edit that was overwritten by `written`.

    Attributes:
        name: the property; several joined by "or" if it is unknown which was edited.
        value: the user's value, if a reading showed it; `known` is whether one did.
    """

    name: str
    written: str | None
    value: str | None = None
    known: bool = False

    @property
    def sentence(self) -> str:
        """The message for the card's editor."""
        when = f"by hand just when it was set to “{self.written}” here"
        if self.known:
            value = self.value or "empty"
            return f"“{self.name}” was changed to “{value}” {when}; that change was overwritten."
        return (
            f"“{self.name}” was changed {when}; if it was changed to something else, "
            "that was overwritten."
        )


class RecentActivity(_Fact):
    """A card's recent activity.

    Attributes:
        observations: when the last current readings began and ended.
        changes: when a reading last showed that users changed a property, by property.
        writes: our last writes.
        claims: edits that events reported and no write explains yet: the write may be in flight.
        last_by_id: whether the last reading was of the page itself; None after a write of ours.
        states: digests of the states that the card was in during the minute of the last edit,
            before its present one (`models.sync.observations.known_state_digest`).
    """

    observations: tuple[tuple[datetime, datetime], ...] = ()
    changes: Mapping[str, datetime] = {}
    writes: tuple[Write, ...] = ()
    claims: tuple[ReportedEdit, ...] = ()
    last_by_id: bool | None = None
    states: tuple[str, ...] = ()

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> RecentActivity:
        """What `as_json` wrote; no activity if another release wrote it in another form."""
        try:
            return cls.model_validate(value)
        except ValidationError:
            return cls()

    def as_json(self) -> dict[str, Any]:
        """A JSON value from which `from_json` makes the same."""
        return self.model_dump(mode="json", exclude_defaults=True)

    def _with(self, **changed: Any) -> RecentActivity:
        """A copy with these attributes. Pydantic alone would accept a misspelled name."""
        if not changed.keys() <= RecentActivity.model_fields.keys():
            raise TypeError(f"no such attribute among {sorted(changed)}")
        return self.model_copy(update=changed)

    def with_reading(
        self, began: datetime, ended: datetime, changed: Iterable[str]
    ) -> RecentActivity:
        """After a current reading that showed that users had changed these properties."""
        readings = (*self.observations, (began, ended))[-_READINGS_KEPT:]
        changes = {**self.changes, **dict.fromkeys(changed, ended)}
        return self._with(observations=readings, changes=changes)

    def with_states(self, states: Iterable[str], *, by_id: bool | None) -> RecentActivity:
        """After a reading, by id or not; `states` were recorded in the same minute before it."""
        return self._with(last_by_id=by_id, states=tuple(states)[-STATES_KEPT:])

    def with_write(
        self,
        values: Mapping[str, Any],
        sent: datetime,
        until: datetime,
        before: Mapping[str, Any] | None = None,
    ) -> RecentActivity:
        """After a write of these values, over `before` if no newer reading overtook it."""
        earlier = [reading for reading in self.observations if reading[1] <= sent]
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
        return self._with(writes=(*self.writes, write)[-_KEPT:])

    def with_reported(self, edits: Iterable[ReportedEdit]) -> RecentActivity:
        """After events that reported these edits."""
        new = [edit for edit in edits if edit not in self.claims]
        if not new:
            return self
        return self._with(claims=(*self.claims, *new)[-_KEPT:])

    def overwritten(
        self, shown: Mapping[str, Any], began: datetime, ended: datetime
    ) -> tuple[list[LostUpdate], RecentActivity]:
        """The edits that a reading of the page shows and that a write of ours then overwrote."""
        found = {
            name: LostUpdate(name=name, written=write.after[name], value=shown[name], known=True)
            for write in self.writes
            if write.seen <= began < write.until
            for name in write.before
            if shown[name] not in (write.before[name], write.after[name])
        }
        if not found:
            return [], self
        changes = {**self.changes, **dict.fromkeys(found, ended)}
        return list(found.values()), self._with(changes=changes)

    def unexplained(self) -> tuple[list[LostUpdate], RecentActivity]:
        """The reported edits that no reading explains and that a write of ours overwrote."""
        found: list[LostUpdate] = []
        writes, claims = list(self.writes), []
        for edit in self.claims:
            for index, write in enumerate(writes):
                names = [name for name in write.after if self._may_be_lost(edit, name, write)]
                if not names:
                    continue
                if not write.reported:
                    found.append(write.lost_update(names))
                writes[index] = write.model_copy(update={"reported": True})
                break
            else:
                claims.append(edit)
        return found, self._with(claims=tuple(claims), writes=tuple(writes))

    def _may_be_lost(self, edit: ReportedEdit, name: str, write: Write) -> bool:
        if name not in edit.properties or not _may_precede(edit, write):
            return False
        return not self._is_explained(edit, name)

    def _is_explained(self, edit: ReportedEdit, name: str) -> bool:
        """Whether a reading showed the reported edit."""
        if edit.alone and edit.properties == {name}:
            # The event's time is the time of this property's edit.
            return self._changed_since(edit.at, name)
        names = [name] if edit.alone else list(self.changes)
        return any(self._changed_since(edit.at - AGGREGATION_WINDOW, each) for each in names)

    def _changed_since(self, moment: datetime, name: str) -> bool:
        return name in self.changes and self.changes[name] >= moment


def _may_precede(edit: ReportedEdit, write: Write) -> bool:
    """Whether the reported edit may lie between the last reading and the write."""
    if edit.alone:
        return write.since < edit.at <= write.until
    # Aggregated with a write of ours: users surely did something only if nothing else changed.
    in_time = write.sent <= edit.at <= write.until + AGGREGATION_WINDOW
    return in_time and edit.properties <= write.names


def parse_reported_edit(
    payload: Mapping[str, Any], received_at: datetime, board: Board, bot_ids: Collection[str]
) -> ReportedEdit | None:
    """The users' edits that an event of Notion's reports; None if it reports none, or old ones.

    Args:
        payload: the event (Notion: `page.properties_updated`; its property ids are URL-encoded,
            as a schema's are).
        received_at: when it was delivered; Notion tries for about a day.
        board: whose properties the ids are.
        bot_ids: the Notion users that our own writes are attributed to.
    """
    data, authors = payload.get("data"), payload.get("authors")
    changed = data.get("updated_properties") if isinstance(data, dict) else None
    if not isinstance(changed, list) or not isinstance(authors, list):
        return None
    ids = [author.get("id") for author in authors if isinstance(author, dict)]
    if all(is_our_bot(id_, bot_ids) for id_ in ids):
        return None
    at = _moment(payload.get("timestamp"))
    edited = _edited_properties(changed, board)
    if at is None or not edited or received_at - at > _REPORTED_WITHIN:
        return None
    alone = not any(is_our_bot(id_, bot_ids) for id_ in ids)
    return ReportedEdit(at=at, properties=edited, alone=alone)


def _moment(value: object) -> datetime | None:
    """The moment of an event's timestamp; None if it is none, or lacks a time zone."""
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return None if moment.tzinfo is None else moment


def _edited_properties(ids: Iterable[object], board: Board) -> frozenset[str]:
    """Our names of these properties, without those that Notion computes."""
    names = {unquote(known.id): name for name, known in board.properties.items()}
    computed = {unquote(id_) for id_ in board.computed_ids}
    edited = {unquote(id_) for id_ in ids if isinstance(id_, str)} - computed
    return frozenset(names.get(id_, id_) for id_ in edited)
