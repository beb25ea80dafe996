/** The database's own views, read through the API, and which cards each of them finds. */

import { items, notion } from "../data/api.js";
import { changed, propertyById, store } from "../data/store.js";

const PIECE = 100;
const COUNT_AFTER_MS = 1500;
/** View id -> {ids, total}; of views that were only counted, `ids` is null. */
const found = new Map();
let wanted = false;
let refreshing = null;
let counting = null;

/** Read the views of the board's database, in the order of their tabs. */
export async function loadViews() {
  const board = store.board;
  const references = [];
  for await (const item of items(`/v1/views?database_id=${board.database_id}`)) references.push(item);
  // A view that was deleted in the meantime is skipped.
  const read = references.map(({ id }) => notion("GET", `/v1/views/${id}`).catch(() => null));
  const views = (await Promise.all(read)).filter((view) => view?.data_source_id === board.data_source_id);
  if (store.board !== board) return;
  store.views = views;
  for (const id of found.keys()) if (!views.some((view) => view.id === id)) found.delete(id);
  changed();
  await Promise.all([lookAgain(), count()]);
}

/** What the page shows of a view: columns, if it is a board of a property that has options, pictures, else a table. */
export function settingsOf({ type, configuration }) {
  const grouping = type === "board" ? configuration.group_by : null;
  const property = grouping && propertyById(grouping.property_id);
  const group = ["select", "status"].includes(property?.type) ? property : null;
  const listed = configuration.properties;
  const visible = listed?.filter((item) => item.visible !== false).map((item) => propertyById(item.property_id)?.name);
  const cover = type === "gallery" ? propertyById(configuration.cover?.property_id)?.name : null;
  return {
    kind: group ? "board" : type === "gallery" ? "gallery" : "table",
    cover: cover ?? null,
    group,
    order: grouping?.sort?.type ?? "manual",
    hideEmpty: grouping?.hide_empty_groups ?? false,
    visible: visible?.filter(Boolean) ?? null,
  };
}

/** Whether a view shows something else than every card, the newest first. */
const narrows = (view) => Boolean(view.filter || view.sorts?.length || Object.keys(view.quick_filters ?? {}).length);

/** The ids of the cards that a view shows, in its order; null when it shows them all, or is not known yet. */
export const idsOf = (view) => (narrows(view) ? (found.get(view.id)?.ids ?? []) : null);

/** How many cards a view shows; null when that is not known yet. */
export const countOf = (view) => (narrows(view) ? (found.get(view.id)?.total ?? null) : store.cards.size);

/** Query the chosen view. However often this is called during a query, one more follows it. */
export function lookAgain() {
  wanted = true;
  refreshing ??= refresh().finally(() => (refreshing = null));
  counting ??= setTimeout(count, COUNT_AFTER_MS);
  return refreshing;
}

async function refresh() {
  while (wanted) {
    wanted = false;
    const view = store.views?.find((candidate) => candidate.id === store.view);
    if (!view || !narrows(view)) continue;
    const ids = await ask(view, PIECE, async (query, path) => {
      const all = query.results;
      if (query.next_cursor) for await (const item of items(path, query.next_cursor)) all.push(item);
      return all.map((item) => item.id);
    });
    found.set(view.id, { ids, total: ids.length });
    changed();
  }
}

/** The other views are only counted, and not at every change. */
async function count() {
  for (const view of store.views ?? []) {
    if (!narrows(view) || view.id === store.view) continue;
    const total = await ask(view, 1, (query) => query.total_count).catch(() => null);
    found.set(view.id, { ids: found.get(view.id)?.ids ?? null, total });
  }
  counting = null;
  changed();
}

/** Make a query of a view, read from it, and let the server forget it. */
async function ask(view, size, read) {
  const queries = `/v1/views/${view.id}/queries`;
  const query = await notion("POST", queries, { page_size: size });
  const path = `${queries}/${query.id}`;
  try {
    return await read(query, path);
  } finally {
    notion("DELETE", path).catch(() => {});
  }
}
