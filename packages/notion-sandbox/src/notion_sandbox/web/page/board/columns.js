/** The columns of the board, in the order of the options. */

import { openComposer } from "./composer.js";
import { cardNode } from "./cards.js";
import { $, el, reconcile } from "../dom.js";
import { changed, columnOf, store } from "../data/store.js";
import { currentTab, visibleCards } from "./views.js";

const STEP = 30;
const limits = new Map();
const columns = new Map();
const made = new Map();
const unfolded = new Set();
export const folding = { on: localStorage.getItem("fold") !== "off" };

/** While the mouse is pressed or a card is dragged, nothing moves under it. */
let held = false;

export function hold(on) {
  if (held === on) return;
  held = on;
  if (!on) changed();
}

/** Show the cards of the present view in their columns. */
export function showColumns() {
  if (held) return;
  const board = $("board");
  // Columns of another property are other columns, whatever they are called.
  if (board.dataset.group !== store.group.id) resetColumns();
  board.dataset.group = store.group.id;
  const focused = document.activeElement?.closest?.("[data-card]")?.dataset.card;
  const groups = groupCards();
  const { visible } = currentTab();
  const shown = [...groups].map(([name, { color, cards }]) => showColumn(name, color, cards, visible));
  for (const id of made.keys()) if (!store.cards.has(id)) made.delete(id);
  reconcile(board, shown);
  keepOneTabStop(board);
  // A card that went to another column is another node in another place: the focus moves with it.
  if (focused && document.activeElement?.dataset?.card !== focused) {
    board.querySelector(`[data-card="${focused}"]`)?.focus({ preventScroll: true });
  }
}

/** Forget everything about another board. */
export function resetColumns() {
  for (const map of [limits, columns, made, unfolded]) map.clear();
}

/** name -> {color, cards}, in the order of the view; cards without one come first, if there are any. */
function groupCards() {
  const { order, hideEmpty } = currentTab();
  const groups = new Map([["", { color: "default", cards: [] }]]);
  for (const option of inOrder(store.group[store.group.type].options, order))
    groups.set(option.name, { color: option.color, cards: [] });
  for (const page of visibleCards()) (groups.get(columnOf(page)) ?? groups.get("")).cards.push(page);
  for (const [name, { cards }] of groups) if (!cards.length && (hideEmpty || !name)) groups.delete(name);
  return groups;
}

/** `manual` is the order of the options themselves. */
function inOrder(options, order) {
  if (order === "manual") return options;
  const sorted = [...options].sort((a, b) => a.name.localeCompare(b.name));
  return order === "ascending" ? sorted : sorted.reverse();
}

function showColumn(name, color, cards, visible) {
  const column = columns.get(name) ?? makeColumn(name);
  columns.set(name, column);
  const title = name || `No ${store.group.name}`;
  const slim = folding.on && !cards.length && !unfolded.has(name) && !column.node.querySelector(".composer");
  column.node.className = slim ? "column slim" : "column";
  column.node.dataset.color = color;
  column.node.setAttribute("aria-label", `${title}, ${cards.length} ${cards.length === 1 ? "card" : "cards"}`);
  column.count.textContent = String(cards.length);
  column.list.hidden = slim;
  column.pill.tabIndex = slim ? 0 : -1;
  const limit = limits.get(name) ?? STEP;
  reconcile(
    column.list,
    cards.slice(0, limit).map((page) => cardNode(page, made, visible)),
  );
  column.more.hidden = cards.length <= limit;
  column.more.textContent = `Show ${Math.min(STEP, cards.length - limit)} more of ${cards.length - limit}`;
  return column.node;
}

function makeColumn(name) {
  const title = name || `No ${store.group.name}`;
  const count = el("span", { class: "count" });
  const add = el(
    "button",
    {
      type: "button",
      class: "add",
      "aria-label": `New card in ${title}`,
      title: "New card",
      onclick: () => openComposer(name),
    },
    "+",
  );
  // The name of a folded column unfolds it; of an open one it does nothing.
  const pill = el("button", { type: "button", class: "pill", onclick: () => unfold(name) }, title);
  const list = el("ul", { class: "cards", role: "list" });
  const more = el("button", { type: "button", class: "more", onclick: () => showMore(name), hidden: true });
  const head = el("header", { class: "head" }, el("h2", {}, pill), count, add);
  const node = el("section", { class: "column", tabindex: "-1", data: { column: name } }, head, list, more);
  return { node, pill, count, list, more };
}

function showMore(name) {
  limits.set(name, (limits.get(name) ?? STEP) + STEP);
  showColumns();
}

/** Open a folded column. */
export function unfold(name) {
  unfolded.add(name);
  showColumns();
}

/** Show empty columns as strips, or in full. */
export function setFolding(on) {
  folding.on = on;
  unfolded.clear();
  localStorage.setItem("fold", on ? "on" : "off");
  showColumns();
}

/** Tab reaches the board once; the arrow keys do the rest. */
export function keepOneTabStop(board) {
  const present = board.querySelector('[data-card][tabindex="0"]');
  if (!present) board.querySelector("[data-card]")?.setAttribute("tabindex", "0");
}

/** Make a card the one that Tab reaches, and go there. */
export function focusCard(node) {
  for (const other of $("board").querySelectorAll('[data-card][tabindex="0"]')) other.setAttribute("tabindex", "-1");
  node.setAttribute("tabindex", "0");
  node.focus();
  node.scrollIntoView({ block: "nearest", inline: "nearest" });
}
