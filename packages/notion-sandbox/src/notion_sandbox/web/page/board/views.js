/** The tabs: the database's saved views, those of the page's own where it has no board among them, and the trash. */

import { $, attempt, el, reconcile } from "../dom.js";
import { optionOf, shown, titleOf } from "../card/properties.js";
import { countOf, idsOf, lookAgain, settingsOf } from "./saved_views.js";
import { cardsInOrder, changed, columnOf, loadTrash, store, usualGroup } from "../data/store.js";

const READY = "Ready for Review";
const IN_ADDRESS = /^#view=(.+)$/;

/** Every tab: {id, name, kind, group, visible, …}. Tabs without meaning for this board are left out. */
function tabs() {
  if (!store.board || !store.views) return [];
  const saved = store.views.map((view) => ({ id: view.id, name: view.name, view, ...settingsOf(view) }));
  const own = saved.some((tab) => tab.kind === "board") ? [] : ownTabs();
  return [...own, ...saved, { id: "trash", name: "Trash", kind: "trash", group: null, visible: null }];
}

/** Boards for a database that has none: {test} selects the cards of each. */
function ownTabs() {
  const group = usualGroup();
  if (!group) return [];
  const names = group[group.type].options.map((option) => option.name);
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
    found.push({ id: `channel:${name}`, name, test });
  }
  return found.map((tab) => ({ ...tab, kind: "board", group, visible: null, order: "manual", hideEmpty: false }));
}

const optionsOf = (name) => (store.schema[name]?.type === "select" ? store.schema[name].select.options : []);

/** The tab that is shown: the chosen one, else that of the address, else the first board, else the first. */
export function currentTab() {
  const all = tabs();
  const named = (id) => all.find((tab) => tab.id === id);
  return named(store.view) ?? named(inAddress()) ?? all.find((tab) => tab.kind === "board") ?? all[0] ?? null;
}

const inAddress = () => decodeURIComponent(IN_ADDRESS.exec(location.hash)?.[1] ?? "");

let settled = null;

/** Make the tab that is shown the chosen one, with its columns, and ask what it finds. Called before all else is shown. */
export function settleView() {
  const tab = currentTab();
  store.view = tab?.id ?? null;
  store.group = tab?.group ?? usualGroup();
  if (tab && tab.id !== settled) {
    settled = tab.id;
    attempt(() => (tab.kind === "trash" ? loadTrash() : lookAgain()));
  }
  return tab;
}

/** The cards that the tab and the search show, in the tab's order. */
export function visibleCards() {
  const tab = currentTab();
  const words = store.search.toLowerCase();
  return cardsOf(tab).filter((page) => titleOf(page).toLowerCase().includes(words));
}

function cardsOf({ test, view }) {
  const ids = view ? idsOf(view) : null;
  if (!ids) return test ? cardsInOrder().filter(test) : cardsInOrder();
  if (view.sorts?.length) return ids.map((id) => store.cards.get(id)).filter(Boolean);
  const found = new Set(ids);
  return cardsInOrder().filter((page) => found.has(page.id));
}

const nodes = new Map();

/** The tabs stay the same elements, so that a click is not lost while updates arrive. */
export function showViews() {
  const all = tabs();
  reconcile(
    $("views"),
    all.map((tab) => showTab(tab)),
  );
}

function showTab(tab) {
  const node = nodes.get(tab.id) ?? makeTab(tab);
  nodes.set(tab.id, node);
  const selected = store.view === tab.id;
  node.setAttribute("aria-selected", String(selected));
  node.tabIndex = selected ? 0 : -1;
  node.querySelector(".label").textContent = tab.name;
  node.querySelector(".count").textContent = count(tab);
  return node;
}

function count(tab) {
  if (tab.kind === "trash") return "";
  return String((tab.test ? cardsOf(tab).length : countOf(tab.view)) ?? "");
}

function makeTab({ id, kind }) {
  const given = { type: "button", role: "tab", class: "view", "aria-controls": "board", data: { view: id, kind } };
  const icon = el("span", { class: "icon", "aria-hidden": "true" });
  const node = el("button", given, icon, el("span", { class: "label" }), el("span", { class: "count" }));
  node.addEventListener("click", () => choose(id));
  return node;
}

function choose(id) {
  if (inAddress() !== id) history.pushState(null, "", `#view=${encodeURIComponent(id)}`);
  show(id);
}

function show(id) {
  store.view = id;
  changed();
  nodes.get(id)?.scrollIntoView({ block: "nearest", inline: "nearest" });
  // The cards of a view may be many columns away.
  setTimeout(() => $("board").querySelector(".card")?.scrollIntoView({ inline: "center", block: "nearest" }), 50);
}

/** Let the arrow keys go from tab to tab, and the browser's Back to the view before. */
export function enableViews() {
  $("views").addEventListener("keydown", (event) => {
    const all = [...$("views").children];
    const at = all.indexOf(event.target.closest("[role=tab]"));
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: all.length - 1 }[event.key];
    if (at < 0 || to === undefined) return;
    event.preventDefault();
    const node = all[(to + all.length) % all.length];
    node.focus();
    choose(node.dataset.view);
  });
  addEventListener("popstate", () => show(inAddress()));
}
