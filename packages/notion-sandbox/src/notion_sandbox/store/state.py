"""The objects of a sandbox: in memory for reading, written through to the state file.

Pages are replaced, never changed in place, so the indexes by edit and by creation stay correct.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from random import Random
from typing import Any, TypeVar

from notion_sandbox.config import Account
from notion_sandbox.store import records
from notion_sandbox.store.file_upload import FileUploads
from notion_sandbox.store.journal import Journal
from notion_sandbox.store.objects import (
    Block,
    Comment,
    Database,
    DataSource,
    Page,
    Property,
    Schema,
    User,
    View,
    default_view,
)
from notion_sandbox.store.page_index import PageIndex
from notion_sandbox.store.storage import Storage
from notion_sandbox.values.ids import TITLE_ID, new_token, new_uuid
from notion_sandbox.values.rich_text import RichText, TextPart, plain_text

Loaded = TypeVar("Loaded")

PAGE_SCHEMA: Schema = {TITLE_ID: Property(TITLE_ID, "title", "title")}
"""The properties of a page outside a data source."""


class State:
    """The objects of one sandbox.

    Args:
        storage: The state file.
        accounts: Who may call. Their users and tokens are made once and then stored.
        rng: Source of ids and tokens.
        now: The time, for the root page.
    """

    def __init__(
        self, storage: Storage, accounts: Iterable[Account], *, rng: Random, now: datetime
    ) -> None:
        self.storage = storage
        self._rng = rng
        self.journal = Journal()
        self.meta: dict[str, Any] = dict(storage.all("meta"))
        self.users = self._load("user", records.load_user)
        self.databases = self._load("database", records.load_database)
        self.sources = self._load("data_source", records.load_source)
        self.views = self._load("view", records.load_view)
        self.blocks = self._load("block", records.load_block)
        self.comments = self._load("comment", records.load_comment)
        self.pages = self._load("page", self._load_page)
        self.uploads = FileUploads(storage)
        self.view_queries: dict[str, Any] = {}
        self._next_number = 1 + max((page.number for page in self.pages.values()), default=0)
        self.indexes = self._make_indexes()
        self.tokens = {user.token: user for user in map(self._user_of, accounts)}
        for name in ("workspace_id", "integration_id"):
            if name not in self.meta:
                self.put_meta(name, new_uuid(rng))
        if "root_page_id" not in self.meta:
            self.put_meta("root_page_id", self._make_root(now).id)
        self._complete(rng)
        self.commit()

    def _load(self, kind: str, load: Callable[[str, dict[str, Any]], Loaded]) -> dict[str, Loaded]:
        return {key: load(key, body) for key, body in self.storage.all(kind)}

    def _load_page(self, key: str, body: dict[str, Any]) -> Page:
        return records.load_page(key, body, self.schema_of_id(body["data_source_id"]))

    def _make_indexes(self) -> dict[str, PageIndex]:
        indexes = {key: PageIndex() for key in self.sources}
        pages: dict[str, list[Page]] = defaultdict(list)
        for page in self.pages.values():
            if page.is_indexed:
                pages[str(page.data_source_id)].append(page)
        for key, found in pages.items():
            indexes[key].fill(found)
        return indexes

    def _complete(self, rng: Random) -> None:
        """Add a first view and an author to databases of a state file older than views."""
        incomplete = [database for database in self.databases.values() if not database.view_ids]
        for database in incomplete:
            sources = [self.sources[source_id] for source_id in database.data_source_ids]
            creator, editor = sources[0].created_by, sources[0].edited_by
            self.put_database(replace(database, created_by=creator, edited_by=editor))
            for source in sources:
                self.add_view(default_view(source, new_uuid(rng)))

    def _user_of(self, account: Account) -> User:
        known = {(user.kind, user.name): user for user in self.users.values()}
        user = known.get((account.kind, account.name)) or self._make_user(account)
        if account.token is not None:
            user = replace(user, token=account.token)
        self.users[user.id] = user
        self.storage.put("user", user.id, records.dump_user(user))
        return user

    def _make_user(self, account: Account) -> User:
        prefix = "ntn_" if account.kind == "bot" else "person_"
        token = account.token or new_token(self._rng, prefix)
        return User(new_uuid(self._rng), account.kind, account.name, token)

    def _make_root(self, now: datetime) -> Page:
        author = next(iter(self.users))
        title = (TextPart("text", "Sandbox"),)
        page = Page(
            new_uuid(self._rng),
            self.new_number(),
            None,
            None,
            now,
            author,
            now,
            author,
            values={TITLE_ID: title},
        )
        self.put_page(page)
        return page

    @property
    def root_page_id(self) -> str:
        """The top-level page, under which databases can be made."""
        return str(self.meta["root_page_id"])

    def new_number(self) -> int:
        """The next page's number."""
        number = self._next_number
        self._next_number += 1
        return number

    def put_meta(self, key: str, value: Any) -> None:
        """Store a single value under a key."""
        self.meta[key] = value
        self.storage.put("meta", key, value)

    def put_database(self, database: Database) -> None:
        """Store a new or changed database."""
        self.databases[database.id] = database
        self.journal.note("database", database.id)
        self.storage.put("database", database.id, records.dump_database(database))

    def put_source(self, source: DataSource) -> None:
        """Store a new or changed data source."""
        self.sources[source.id] = source
        self.journal.note("data_source", source.id)
        self.indexes.setdefault(source.id, PageIndex())
        self.storage.put("data_source", source.id, records.dump_source(source))

    def put_view(self, view: View) -> None:
        """Store a new or changed view."""
        self.views[view.id] = view
        self.journal.note("database", view.database_id)
        self.storage.put("view", view.id, records.dump_view(view))

    def add_view(self, view: View) -> None:
        """Store a new view as the last of its database."""
        self.put_view(view)
        database = self.databases[view.database_id]
        self.put_database(replace(database, view_ids=[*database.view_ids, view.id]))

    def drop_view(self, view: View) -> None:
        """Delete a view."""
        del self.views[view.id]
        self.journal.note("database", view.database_id)
        self.storage.delete("view", view.id)

    def put_block(self, block: Block) -> None:
        """Store a new or changed block."""
        self.blocks[block.id] = block
        self.storage.put("block", block.id, records.dump_block(block))

    def blocks_in(self, parent_id: str) -> list[Block]:
        """The blocks under a page or block, in order, without those in the trash."""
        found = [
            block
            for block in self.blocks.values()
            if block.parent_id == parent_id and not block.in_trash
        ]
        return sorted(found, key=lambda block: block.place)

    def pages_of(self, data_source_id: str | None) -> list[Page]:
        """The pages of a data source, the trashed ones too."""
        return [page for page in self.pages.values() if page.data_source_id == data_source_id]

    def put_comment(self, comment: Comment) -> None:
        """Store a new or changed comment."""
        self.comments[comment.id] = comment
        self.storage.put("comment", comment.id, records.dump_comment(comment))

    def drop_comment(self, comment: Comment) -> None:
        """Delete a comment."""
        del self.comments[comment.id]
        self.storage.delete("comment", comment.id)

    def put_page(self, page: Page) -> None:
        """Store a new page, or one that replaces the page of the same id."""
        old = self.pages.get(page.id)
        self.pages[page.id] = page
        self.journal.note_page(old, page.id)
        if old is not None:
            self.unindex(old)
        self.index(page)
        self.storage.put("page", page.id, records.dump_page(page, self.schema_of(page)))

    def index(self, page: Page) -> None:
        """Add a page to the index of its data source, unless it is in none or in the trash."""
        if page.is_indexed:
            self.indexes[str(page.data_source_id)].add(page)

    def unindex(self, page: Page) -> None:
        """Remove a page from the index of its data source, if it is in one."""
        if page.is_indexed:
            self.indexes[str(page.data_source_id)].discard(page)

    def commit(self) -> None:
        """Write every change to the state file."""
        self.storage.commit()

    def schema_of(self, page: Page) -> Schema:
        """The properties of a page."""
        return self.schema_of_id(page.data_source_id)

    def schema_of_id(self, data_source_id: str | None) -> Schema:
        """The properties of the pages of a data source; None is a page outside of any."""
        if data_source_id is None:
            return PAGE_SCHEMA
        return self.sources[data_source_id].schema

    def is_trashed(self, source: DataSource) -> bool:
        """Whether a data source is in the trash, by itself or with its database."""
        return source.in_trash or self.databases[source.database_id].in_trash

    def title_of(self, page: Page) -> str:
        """The title as plain text."""
        return _bare_text(page.text(TITLE_ID))

    def describe(self, kind: str, object_id: str) -> Mapping[str, Any] | None:
        """A mentioned object: the name, and the object as responses carry it."""
        if kind == "user" and object_id in self.users:
            user = self.users[object_id]
            return {"name": user.name, "object": render_user(user, self.meta)}
        if kind == "page" and object_id in self.pages:
            title = self.title_of(self.pages[object_id])
        elif kind == "database" and object_id in self.databases:
            title = _bare_text(self.databases[object_id].title)
        else:
            return None
        return {"name": title or "Untitled", "object": {"id": object_id}}


def _bare_text(title: RichText) -> str:
    """The text of a title without the names of what it mentions.

    Two pages whose titles mention each other would need each other's names without end.
    """
    return plain_text(title, lambda _kind, _id: None)


def render_user(user: User, meta: Mapping[str, Any]) -> dict[str, Any]:
    """A user as responses carry it."""
    shown: dict[str, Any] = {
        "object": "user",
        "id": user.id,
        "name": user.name,
        "avatar_url": None,
        "type": user.kind,
    }
    if user.kind == "person":
        local = re.sub("[^0-9a-z]", ".", user.name.lower())
        return {**shown, "person": {"email": f"{local}@sandbox.invalid", "email_verified": True}}
    workspace = {"workspace_name": meta["workspace_name"], "workspace_id": meta["workspace_id"]}
    limits = {"max_file_upload_size_in_bytes": meta["max_file_bytes"]}
    return {
        **shown,
        "bot": {
            "owner": {"type": "workspace", "workspace": True},
            **workspace,
            "workspace_limits": limits,
        },
    }
