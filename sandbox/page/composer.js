/** Making a card: a line for its title at the head of a column. */

import { focusCard, showColumns, unfold } from "./columns.js";
import { $, attempt, el, say } from "./dom.js";
import { changed, create, store } from "./store.js";

/** Ask for the title of a new card in a column; Enter makes it, Esc does not. */
export function openComposer(column) {
  if (!store.group || store.view === "trash") return;
  closeComposer();
  unfold(column);
  const section = $("board").querySelector(`[data-column="${CSS.escape(column)}"]`);
  const input = el("input", {
    type: "text",
    placeholder: "Title of the new card",
    "aria-label": `Title of the new card in ${column}`,
  });
  const form = el("form", { class: "composer", onsubmit: (event) => submit(event, column, input) }, input);
  input.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    closeComposer();
    section.querySelector(".card")?.focus();
  });
  input.addEventListener("blur", () => input.value.trim() || form.remove());
  section.querySelector(".head").after(form);
  input.focus();
  section.scrollIntoView({ block: "nearest", inline: "nearest" });
}

async function submit(event, column, input) {
  event.preventDefault();
  const title = input.value.trim();
  if (!title || input.disabled) return;
  input.disabled = true;
  const page = await attempt(() => create(title, column));
  input.disabled = false;
  if (!page) return;
  closeComposer();
  showColumns();
  say(`“${title}” was made in ${column}.`);
  const node = $("board").querySelector(`[data-card="${page.id}"]`);
  if (node) focusCard(node);
}

function closeComposer() {
  $("board").querySelector(".composer")?.remove();
  changed();
}
