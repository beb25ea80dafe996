"""What the sandbox holds.

Databases, data sources with their properties, views, pages, blocks, comments, users.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from notion_sandbox.config import AccountKind
from notion_sandbox.values.dates import DateValue
from notion_sandbox.values.formulas import Formula
from notion_sandbox.values.rich_text import RichText
from notion_sandbox.values.types import Json

Value = RichText | DateValue | list[str] | list[Json] | str | int | float | bool | None
"""What a page holds for a property: rich text; a date; ids of pages, users or options; files; an
option's id or a URL; a number; true or false."""


@dataclass(frozen=True, slots=True)
class User:
    """A user of the API. `token` is the bearer token."""

    id: str
    kind: AccountKind
    name: str
    token: str


@dataclass(frozen=True, slots=True)
class Option:
    """One choice of a select, multi_select or status property.

    `group` is the status group's name, else None.
    """

    id: str
    name: str
    color: str
    group: str | None = None
    description: str | None = None


@dataclass(frozen=True, slots=True)
class Relation:
    """Where a relation points.

    `synced_id` is the property on the other side of a two-way relation.
    """

    data_source_id: str
    synced_id: str | None = None


@dataclass(frozen=True, slots=True)
class Property:
    """One column of a data source.

    Of `options`, `formula`, `relation`, `prefix`, only what its kind has is set.

    `prefix` stands before the number of a unique id; `description` is shown to users.
    """

    id: str
    name: str
    kind: str
    options: tuple[Option, ...] = ()
    number_format: str = "number"
    formula: Formula | None = None
    relation: Relation | None = None
    prefix: str | None = None
    description: str | None = None

    def option(self, option_id: object) -> Option | None:
        """The option with this id, if it still exists."""
        return next((option for option in self.options if option.id == option_id), None)

    def option_named(self, name: str) -> Option | None:
        """The option with this name, whatever its case: Notion keeps names unique that way."""
        wanted = name.casefold()
        return next((option for option in self.options if option.name.casefold() == wanted), None)

    def chosen(self, value: Value) -> list[Option]:
        """The options that a page's value stands for: those of its ids that still exist."""
        ids = value if isinstance(value, list) else [value]
        return [option for option in map(self.option, ids) if option]

    @property
    def default_option(self) -> Option | None:
        """The option of a page that has none: the first of a status, none of a select."""
        if self.kind == "status":
            return next(iter(self.options), None)
        return None

    def chosen_or_default(self, value: Value) -> Option | None:
        """The option of a select or status that a page shows."""
        return self.option(value) or self.default_option


Schema = dict[str, Property]
"""The properties of a data source by id, in order. Replaced as a whole, never changed in place."""


@dataclass(slots=True)
class Database:
    """A database: the container of data sources and views (Notion: upgrade guide 2025-09-03).

    Times are exact.

    `parent_id` is a page. `view_ids` are its tabs in order.
    """

    id: str
    parent_id: str
    title: RichText
    description: RichText
    is_inline: bool
    created_at: datetime
    edited_at: datetime
    data_source_ids: list[str] = field(default_factory=list)
    view_ids: list[str] = field(default_factory=list)
    created_by: str = ""
    edited_by: str = ""
    in_trash: bool = False
    is_locked: bool = False
    icon: Json | None = None
    cover: Json | None = None


@dataclass(slots=True)
class DataSource:
    """A table of pages with its schema."""

    id: str
    database_id: str
    title: RichText
    schema: Schema
    created_at: datetime
    created_by: str
    edited_at: datetime
    edited_by: str
    in_trash: bool = False
    icon: Json | None = None
    description: RichText = ()


@dataclass(frozen=True, slots=True)
class View:
    """A saved view of a data source (Notion: "Working with views"). Times are exact.

    Properties in `filter`, `sorts`, `quick_filters` and `configuration` are named by their ids, so
    that a rename does not break them.
    """

    id: str
    database_id: str
    data_source_id: str
    name: str
    kind: str
    configuration: Json
    created_at: datetime
    created_by: str
    edited_at: datetime
    edited_by: str
    filter: Json | None = None
    sorts: list[Json] | None = None
    quick_filters: dict[str, Json] | None = None


def default_view(source: DataSource, view_id: str) -> View:
    """The first view of a new data source.

    Source: Notion's "Working with views", default behavior.
    """
    made, author = source.created_at, source.created_by
    return View(
        view_id,
        source.database_id,
        source.id,
        "Default view",
        "table",
        {"type": "table"},
        made,
        author,
        made,
        author,
    )


@dataclass(slots=True)
class Page:
    """A page. `number` rises with each page made, which orders pages of one minute.

    `values` holds what was set, by property id. Values of deleted properties and options stay and
    are ignored.
    """

    id: str
    number: int
    data_source_id: str | None
    parent_id: str | None
    created_at: datetime
    created_by: str
    edited_at: datetime
    edited_by: str
    in_trash: bool = False
    values: dict[str, Value] = field(default_factory=dict)
    icon: Json | None = None
    cover: Json | None = None
    is_locked: bool = False

    def text(self, property_id: str) -> RichText:
        """The value of a title or rich text property; empty when there is none."""
        value = self.values.get(property_id)
        return value if isinstance(value, tuple) else ()

    def date(self, property_id: str) -> DateValue | None:
        """The value of a date property."""
        value = self.values.get(property_id)
        return value if isinstance(value, DateValue) else None

    def items(self, property_id: str) -> list[Any]:
        """The value of a property that holds a list: ids or files; empty when there is none."""
        value = self.values.get(property_id)
        return value if isinstance(value, list) else []

    @property
    def is_indexed(self) -> bool:
        """Whether queries can find it: it is in a data source, and not in the trash."""
        return self.data_source_id is not None and not self.in_trash


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of a page's content.

    `place` orders the children of one parent, which is a page or a block.

    `texts` are its rich texts by field (`rich_text`, `caption`), `fields` everything else under its
    type.
    """

    id: str
    parent_id: str
    place: int
    kind: str
    texts: dict[str, RichText]
    fields: Json
    created_at: datetime
    created_by: str
    edited_at: datetime
    edited_by: str
    in_trash: bool = False


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment on a page or a block; `parent_id` is either.

    `name` is the display name that the request gave.
    """

    id: str
    discussion_id: str
    parent_id: str
    text: RichText
    name: str | None
    created_at: datetime
    created_by: str
    edited_at: datetime
