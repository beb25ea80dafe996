/** Moving a card to another column: with the mouse, and with the keyboard. */

import { focusCard, hold } from "./columns.js";
import { $, el, announce } from "../dom.js";
import { titleOf } from "../card/properties.js";
import { columnOf, move, store } from "../data/store.js";

const KIND = "text/x-card";
let dragged = null;

/** Let cards be dragged from column to column. */
export function enableDragging() {
  const board = $("board");
  board.addEventListener("pointerdown", () => hold(true));
  // A drag cancels the pointer, and ends by itself.
  for (const end of ["pointerup", "pointercancel", "blur"])
    addEventListener(end, () => dragged === null && hold(false));
  board.addEventListener("dragstart", (event) => {
    const card = event.target.closest?.("[data-card]");
    if (!card) return;
    dragged = card.dataset.card;
    event.dataTransfer.effectAllowed = "move";
    event.dataTransfer.setData(KIND, dragged);
    card.classList.add("dragging");
  });
  board.addEventListener("dragover", (event) => {
    const column = event.target.closest?.("[data-column]");
    if (!column || dragged === null) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "move";
    mark(column);
  });
  board.addEventListener("dragleave", (event) => board.contains(event.relatedTarget) || mark(null));
  board.addEventListener("drop", (event) => {
    const column = event.target.closest?.("[data-column]");
    if (!column || dragged === null) return;
    event.preventDefault();
    moveTo(dragged, column.dataset.column);
  });
  board.addEventListener("dragend", () => {
    dragged = null;
    hold(false);
    mark(null);
    board.querySelector(".dragging")?.classList.remove("dragging");
  });
}

function mark(column) {
  for (const other of $("board").querySelectorAll(".column.over"))
    if (other !== column) other.classList.remove("over");
  column?.classList.add("over");
}

function moveTo(id, column) {
  const card = store.cards.get(id);
  if (!card || columnOf(card) === column) return;
  announce(`“${titleOf(card)}” goes to ${column}.`);
  move(id, column);
}

/** Ask where a card should go: arrows choose, Enter moves, Esc leaves it. */
export function openMover(id) {
  const card = store.cards.get(id);
  if (!store.group) return;
  const names = store.group[store.group.type].options.map((option) => option.name);
  const list = el(
    "select",
    { size: String(Math.min(14, names.length)), "aria-label": "Column" },
    names.map((name) => el("option", { value: name, selected: name === columnOf(card) }, name)),
  );
  const dialog = el(
    "dialog",
    { class: "mover", "aria-label": `Move “${titleOf(card)}”` },
    el("p", {}, "Move ", el("strong", {}, titleOf(card) || "Untitled"), " to"),
    list,
    el(
      "p",
      { class: "how" },
      el("kbd", {}, "↑"),
      el("kbd", {}, "↓"),
      " choose, ",
      el("kbd", {}, "Enter"),
      " moves it, ",
      el("kbd", {}, "Esc"),
      " leaves it",
    ),
  );
  const finish = () => {
    dialog.close();
    moveTo(id, list.value);
  };
  list.addEventListener("keydown", (event) => {
    event.stopPropagation();
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (event.key === "Enter") (event.preventDefault(), finish());
    if (step) {
      event.preventDefault();
      list.selectedIndex = Math.min(names.length - 1, Math.max(0, list.selectedIndex + step));
    }
  });
  list.addEventListener("dblclick", finish);
  list.addEventListener("click", (event) => event.target.tagName === "OPTION" && event.detail > 0 && finish());
  dialog.addEventListener("close", () => {
    dialog.remove();
    const node = $("board").querySelector(`[data-card="${id}"]`);
    if (node) focusCard(node);
  });
  document.body.append(dialog);
  dialog.showModal();
  list.focus();
}
