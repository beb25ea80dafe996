/** The saved views as chips: which cards each of them shows. */

import { $, attempt, el, reconcile } from "./dom.js";
import { optionOf, shown, titleOf } from "./properties.js";
import { cardsInOrder, changed, columnOf, loadTrash, store } from "./store.js";

const READY = "Ready for Review";

/** The views of the board: {id, name, test}. Those that would mean nothing on this board are left out. */
function views() {
  const names = store.group?.[store.group.type].options.map((option) => option.name) ?? [];
  const found = [{ id: "all", name: "All", test: () => true }];
  const errors = new Set(names.filter((name) => name.startsWith("Error:")));
  const ready = new Set(names.filter((name) => name.endsWith("Ready") || name === READY));
  if (errors.size) found.push({ id: "errors", name: "All Errors", test: (page) => errors.has(columnOf(page)) });
  if (ready.size) found.push({ id: "ready", name: READY, test: (page) => ready.has(columnOf(page)) });
  if (optionsOf("Priority").some((option) => option.name === "High")) {
    found.push({ id: "high", name: "High Priority", test: (page) => shown(page.properties.Priority) === "High" });
  }
  for (const { name } of optionsOf("Channel")) {
    const test = (page) => optionOf(page.properties.Channel)?.name === name;
    found.push({ id: `channel:${name}`, name, test, channel: true });
  }
  return found;
}

const optionsOf = (name) => (store.schema[name]?.type === "select" ? store.schema[name].select.options : []);

/** The cards that the present view and search show, newest first. */
export function visibleCards() {
  const view = views().find((candidate) => candidate.id === store.view) ?? views()[0];
  const words = store.search.toLowerCase();
  return cardsInOrder().filter((page) => view.test(page) && titleOf(page).toLowerCase().includes(words));
}

const chips = new Map();

/** The chips stay the same elements, so that a click is not lost while news come in. */
export function showViews() {
  const cards = cardsInOrder();
  const shown = store.board ? views().map((view) => chip(view, String(cards.filter(view.test).length))) : [];
  const bin = store.board ? [chip({ id: "trash", name: "Trash" }, "")] : [];
  reconcile($("views"), [...shown, ...bin]);
}

function chip(view, count) {
  const node = chips.get(view.id) ?? makeChip(view);
  chips.set(view.id, node);
  node.setAttribute("aria-pressed", String(store.view === view.id));
  node.lastChild.textContent = count;
  return node;
}

function makeChip({ id, name, channel }) {
  const kind = id === "trash" ? "chip bin" : channel ? "chip channel" : "chip";
  const given = { type: "button", class: kind, data: { view: id }, onclick: () => choose(id) };
  return el("button", given, name, el("span", { class: "count" }));
}

function choose(id) {
  store.view = id;
  changed();
  if (id === "trash") attempt(loadTrash);
  // The cards of a view may be many columns away.
  else
    setTimeout(() => $("board").querySelector(".card")?.scrollIntoView({ inline: "center", block: "nearest" }), 50);
}
