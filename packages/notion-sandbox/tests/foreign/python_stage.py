"""What the tests with notion-client share: a board to try things on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from notion_client import Client

Json = dict[str, Any]
VERSION = "2026-03-11"
STATUSES = ("Draft", "Queued", "Review", "Done")


def text(content: str) -> list[Json]:
    """Rich text in a request."""
    return [{"text": {"content": content}}]


def plain(parts: list[Json]) -> str:
    """Rich text of an answer as plain text."""
    return "".join(part["plain_text"] for part in parts)


@dataclass(frozen=True)
class Board:
    """A database made for one test. `properties` are those of its data source, by name."""

    notion: Client
    database: Json
    source: Json

    @property
    def source_id(self) -> str:
        """The id of its data source."""
        return str(self.source["id"])

    @property
    def properties(self) -> Json:
        """The schema as it was made."""
        found: Json = self.source["properties"]
        return found

    def card(self, title: str, **values: Any) -> Json:
        """A page with this title and these values."""
        made: Json = self.notion.pages.create(
            parent={"type": "data_source_id", "data_source_id": self.source_id},
            properties={"Title": {"title": text(title)}, **values},
        )
        return made

    def view(self, **body: Any) -> Json:
        """A view of it."""
        ids = {"database_id": self.database["id"], "data_source_id": self.source_id}
        made: Json = self.notion.views.create(**{**ids, "name": "View", "type": "table", **body})
        return made

    def schema(self, **properties: Any) -> Json:
        """Change its schema."""
        changed: Json = self.notion.data_sources.update(
            data_source_id=self.source_id, properties=properties
        )
        return changed


def make_board(notion: Client, root_page: str, **more: Any) -> Board:
    """A database under the root page with a property of each kind that a board uses."""
    properties = {
        "Title": {"title": {}},
        "Topic": {"rich_text": {}},
        "Status": {"select": {"options": [{"name": name, "color": "blue"} for name in STATUSES]}},
        "Tags": {"multi_select": {}},
        "Updated": {"date": {}},
        "Length": {"number": {"format": "number"}},
        **more,
    }
    made: Json = notion.databases.create(
        parent={"type": "page_id", "page_id": root_page},
        title=text("Videos"),
        initial_data_source={"properties": properties},
    )
    source: Json = notion.data_sources.retrieve(data_source_id=made["data_sources"][0]["id"])
    return Board(notion, made, source)
