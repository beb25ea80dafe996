/** The keyboard on the board. */

import { openCard } from "../card/card_dialog.js";
import { focusCard } from "./columns.js";
import { openComposer } from "./composer.js";
import { $ } from "../dom.js";
import { openMover } from "./moving.js";

/** Listen to keys and clicks on cards. */
export function enableKeys() {
  $("board").addEventListener("click", (event) => {
    const card = event.target.closest("[data-card]");
    if (!card) return;
    focusCard(card);
    openCard(card.dataset.card);
  });
  document.addEventListener("keydown", onKey);
}

function onKey(event) {
  const typing = event.target.closest?.("input, textarea, select, [contenteditable]");
  if (typing || event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  const card = event.target.closest?.("[data-card]");
  const act = card ? onCard(event.key, card) : null;
  const general = { n: () => openComposer(columnToFill(event.target)), "/": () => $("search").focus() }[event.key];
  const arrow = !card && event.key.startsWith("Arrow") && !event.target.closest?.("#panel") ? enterBoard : null;
  const chosen = act ?? general ?? arrow;
  if (!chosen) return;
  event.preventDefault();
  chosen();
}

function onCard(key, card) {
  const steps = { ArrowDown: 1, ArrowUp: -1 };
  if (key in steps) return () => stepInColumn(card, steps[key]);
  if (key === "ArrowLeft" || key === "ArrowRight") return () => stepAcross(card, key === "ArrowRight" ? 1 : -1);
  if (key === "Enter" || key === " ") return () => openCard(card.dataset.card);
  if (key === "m") return () => openMover(card.dataset.card);
  return null;
}

function enterBoard() {
  const card = $("board").querySelector('[data-card][tabindex="0"]') ?? $("board").querySelector("[data-card]");
  if (card) focusCard(card);
}

const PLACE = "[data-column], .sheet";
const cardsOf = (place) => [...place.querySelectorAll("[data-card]")];

function stepInColumn(card, step) {
  const cards = cardsOf(card.closest(PLACE));
  const next = cards[cards.indexOf(card) + step];
  if (next) focusCard(next);
}

/** To the next column that has cards, at the same height. */
function stepAcross(card, step) {
  const here = card.closest(PLACE);
  const height = cardsOf(here).indexOf(card);
  for (let column = here; column;) {
    column = step > 0 ? column.nextElementSibling : column.previousElementSibling;
    const cards = column ? cardsOf(column) : [];
    if (cards.length) {
      focusCard(cards[Math.min(height, cards.length - 1)]);
      return;
    }
  }
}

/** The column of the focus, else the first that has a name; "" in a table, which has none. */
export function columnToFill(target) {
  const column = target?.closest?.("[data-column]")?.dataset.column;
  return column || ($("board").querySelector('[data-column]:not([data-column=""])')?.dataset.column ?? "");
}
