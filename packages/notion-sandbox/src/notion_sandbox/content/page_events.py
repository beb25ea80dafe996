"""Records changes of pages in the webhook outbox."""

from collections.abc import Iterable
from typing import Any

from notion_sandbox.request.call import Call
from notion_sandbox.store.objects import Page
from notion_sandbox.webhooks.events import Change, Kind


def record_page_change(
    call: Call, page: Page, kind: Kind, changed: Iterable[str] = (), blocks: Iterable[str] = ()
) -> None:
    """Record a change of a page.

    Args:
        call: The request.
        page: The page, with its present parent.
        kind: What happened.
        changed: For `updated`, the ids of the properties.
        blocks: For `content`, the ids of the blocks.
    """
    properties: dict[str, dict[str, Any]] = {property_id: {} for property_id in changed}
    parent = _parent(call, page)
    call.outbox.record(
        Change(kind, page.id, "page", parent, call.user, call.now, properties, tuple(blocks))
    )


def _parent(call: Call, page: Page) -> dict[str, str]:
    if page.data_source_id is not None:
        database_id = call.state.sources[page.data_source_id].database_id
        return {"id": database_id, "type": "database", "data_source_id": page.data_source_id}
    if page.parent_id is not None:
        return {"id": page.parent_id, "type": "page"}
    return {"id": str(call.state.meta["workspace_id"]), "type": "space"}
