"""The state at an earlier moment: Notion's queries may lag behind its writes."""

from copy import copy
from datetime import datetime

from notion_sandbox.store.state import State


def state_as_of(state: State, moment: datetime) -> State:
    """The state as queries saw it at a moment within the last minutes.

    Schemas are the present ones.
    """
    before = state.journal.pages_as_of(moment)
    if not before:
        return state
    new = [state.pages[page_id] for page_id in before]
    old = [page for page in before.values() if page is not None]
    past = copy(state)
    past.pages = {**state.pages, **{page.id: page for page in old}}
    past.indexes = {**state.indexes}
    for source_id in {page.data_source_id for page in (*new, *old)} - {None}:
        past.indexes[str(source_id)] = state.indexes[str(source_id)].copy()
    for page in new:
        past.unindex(page)
    for page in old:
        past.index(page)
    return past
