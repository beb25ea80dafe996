/** The data of the page, and the writes that change it. Renderers are called after each change. */

import { items, notion, queryPieces, search } from "./api.js";
import { toast } from "../dom.js";
import { textOf, titleOf, written } from "../card/properties.js";

export const store = {
  user: null,
  boards: [],
  bots: new Map(),
  board: null,
  schema: {},
  /** The property that makes the columns: the present view's, else the usual one of this board. */
  group: null,
  /** The database's own views, as the API gives them; null until they are read. */
  views: null,
  cards: new Map(),
  /** The id of the view that was chosen: one of the database's, of the page's own, or "trash". */
  view: null,
  search: "",
  loading: false,
  incomplete: false,
  trashed: [],
  /** Ids of cards a bot has just changed. */
  fresh: new Set(),
};

const MOST_TRASHED = 200;
const ranks = new Map();
const edits = new Map();
const writing = new Map();
const users = new Map();
const listeners = [];
const waiting = [];
let planned = false;
let front = 0;

export const onChange = (listener) => listeners.push(listener);

/** Show again, once, however often this is called before the next frame. */
export function changed() {
  if (planned) return;
  planned = true;
  const show = () => {
    planned = false;
    for (const listener of listeners) listener();
    for (const resolve of waiting.splice(0)) resolve();
  };
  if (document.hidden) setTimeout(show);
  else requestAnimationFrame(show);
}

/** Resolves when the page shows everything as it is now. */
export const whenShown = () => new Promise((resolve) => (waiting.push(resolve), changed()));

/** The cards, newest first. */
export const cardsInOrder = () => [...store.cards.values()].sort((a, b) => ranks.get(a.id) - ranks.get(b.id));

export function keep(page) {
  if (!ranks.has(page.id)) ranks.set(page.id, --front);
  if (page.in_trash || page.parent.data_source_id !== store.board?.data_source_id) store.cards.delete(page.id);
  else store.cards.set(page.id, page);
  changed();
}

/** Read which data sources there are, in the order they were made, and who is a bot. */
export async function loadBoards() {
  const sources = [];
  const bots = new Map();
  for await (const source of search({ property: "object", value: "data_source" })) sources.push(source);
  for await (const user of items("/v1/users")) if (user.type === "bot") bots.set(user.id, user.name);
  sources.sort((a, b) => a.created_time.localeCompare(b.created_time));
  const boards = sources.map(({ id, parent, title, properties }) => ({
    database_id: parent.database_id,
    data_source_id: id,
    title: textOf(title) || "Untitled",
    properties: Object.keys(properties).length,
  }));
  Object.assign(store, { boards, bots });
}

export async function loadSchema() {
  const source = await notion("GET", `/v1/data_sources/${store.board.data_source_id}`);
  store.schema = source.properties;
  changed();
}

const GROUPABLE = ["select", "status"];

/** The property that makes columns without a view: Status, else the first status, else the first select. */
export function usualGroup() {
  const groupable = Object.values(store.schema).filter((property) => GROUPABLE.includes(property.type));
  return (
    groupable.find((property) => property.name === "Status") ??
    groupable.find((property) => property.type === "status") ??
    groupable[0] ??
    null
  );
}

/** The property with this id, as the API writes it or as it is. */
export function propertyById(id) {
  const plain = decodeURIComponent(id);
  return Object.values(store.schema).find((property) => decodeURIComponent(property.id) === plain) ?? null;
}

/** Read every card of the board. Known cards stay until they are known to be deleted. */
export async function loadCards() {
  const board = store.board;
  const found = new Set();
  Object.assign(store, { loading: true, incomplete: false });
  try {
    for await (const piece of queryPieces(board.data_source_id)) {
      if (store.board !== board) return;
      for (const page of piece.results) {
        found.add(page.id);
        ranks.set(page.id, found.size);
        if (!edits.get(page.id)) store.cards.set(page.id, page);
      }
      store.incomplete = piece.incomplete;
      changed();
    }
    if (!store.incomplete) for (const id of [...store.cards.keys()]) if (!found.has(id)) store.cards.delete(id);
  } finally {
    store.loading = false;
    changed();
  }
}

/** Read the last trashed cards of the board. A query does not find them; a search does. */
export async function loadTrash() {
  const board = store.board;
  const trashed = [];
  for await (const page of search({ property: "object", value: "page", in_trash: true })) {
    if (page.parent.data_source_id === board.data_source_id) trashed.push(page);
    if (trashed.length === MOST_TRASHED) break;
  }
  if (store.board === board) store.trashed = trashed;
  changed();
}

/** Formulas such as a time in a status change without an edit: read them again. */
export async function refreshFormulas() {
  const only = Object.values(store.schema).filter((property) => property.type === "formula");
  if (!only.length || store.loading) return;
  for await (const piece of queryPieces(
    store.board.data_source_id,
    only.map((property) => property.id),
  )) {
    for (const { id, properties } of piece.results) {
      const card = store.cards.get(id);
      if (card) store.cards.set(id, { ...card, properties: { ...card.properties, ...properties } });
    }
  }
  changed();
}

/** Read a card again. An answer that may be older than our own write is ignored: the write causes another update. */
export async function refresh(id) {
  const before = edits.get(id) ?? 0;
  const busy = writing.get(id) ?? 0;
  const page = await notion("GET", `/v1/pages/${id}`);
  if (!busy && (edits.get(id) ?? 0) === before) keep(page);
  return page;
}

/** Send a change of a card, and keep the answer unless another change was sent after it. */
async function patch(id, body) {
  const mine = (edits.get(id) ?? 0) + 1;
  edits.set(id, mine);
  writing.set(id, (writing.get(id) ?? 0) + 1);
  store.fresh.delete(id);
  try {
    const page = await notion("PATCH", `/v1/pages/${id}`, body);
    if (edits.get(id) === mine) keep(page);
    return page;
  } finally {
    writing.set(id, writing.get(id) - 1);
  }
}

export function edit(id, name, type, value) {
  const before = store.cards.get(id)?.properties[name];
  return patch(id, { properties: { [name]: written(type, value, before) } });
}

/** Put a card into a column at once, and back if it is refused. */
export async function move(id, option) {
  const { name, type, [type]: config } = store.group;
  const card = store.cards.get(id);
  if (!card || (card.properties[name][type]?.name ?? "") === option) return;
  const chosen = config.options.find((candidate) => candidate.name === option) ?? null;
  keep({ ...card, properties: { ...card.properties, [name]: { ...card.properties[name], [type]: chosen } } });
  try {
    await edit(id, name, type, option);
  } catch (error) {
    keep(card);
    refresh(id).catch(() => {});
    toast(`“${titleOf(card) || "Untitled"}” could not be moved: ${error.message}`, { kind: "bad" });
  }
}

export async function create(title, option) {
  const name = Object.values(store.schema).find((property) => property.type === "title").name;
  const properties = { [name]: written("title", title) };
  if (option) properties[store.group.name] = written(store.group.type, option);
  const page = await notion("POST", "/v1/pages", {
    parent: { type: "data_source_id", data_source_id: store.board.data_source_id },
    properties,
  });
  keep(page);
  return page;
}

export async function setTrashed(id, trashed) {
  const page = await patch(id, { in_trash: trashed });
  if (store.view === "trash") await loadTrash();
  return page;
}

/** The name of a user by id, read once. */
export async function userName(id) {
  if (!users.has(id))
    users.set(
      id,
      notion("GET", `/v1/users/${id}`).then(
        (user) => user.name,
        () => "Somebody",
      ),
    );
  return users.get(id);
}

/** The option of a card in the property that makes the columns; "" without one. */
export function columnOf(page) {
  const { name, type } = store.group ?? {};
  return page.properties[name]?.[type]?.name ?? "";
}
