"""The state as it was a moment ago: Notion's queries may lag behind its writes."""

from copy import copy
from datetime import datetime

from notion_sandbox.store.objects import Page
from notion_sandbox.store.page_index import PageIndex
from notion_sandbox.store.state import State


def state_as_of(state: State, moment: datetime) -> State:
    """The state as queries saw it at a moment within the last minutes.

    Schemas are the present ones.
    """
    before = state.journal.pages_as_of(moment)
    if not before:
        return state
    past = copy(state)
    past.pages = {**state.pages, **{key: page for key, page in before.items() if page is not None}}
    past.indexes = dict(state.indexes)
    now = {str(state.pages[key].data_source_id) for key in before}
    then = {str(page.data_source_id) for page in before.values() if page is not None}
    for source_id in (now | then) & state.indexes.keys():
        past.indexes[source_id] = _index(state, before, source_id)
    return past


def _index(state: State, before: dict[str, Page | None], source_id: str) -> PageIndex:
    index = PageIndex()
    present = state.indexes[source_id]
    index.by_edit = list(present.by_edit)
    index.by_creation = list(present.by_creation)
    for key, page in before.items():
        now = state.pages[key]
        if now.data_source_id == source_id and not now.in_trash:
            index.discard(now)
        if page is not None and page.data_source_id == source_id and not page.in_trash:
            index.add(page)
    return index
