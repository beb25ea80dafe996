/** Making a card: a line for its title at the head of a column. */

import { focusCard, unfold } from "./columns.js";
import { $, attempt, el, announce, toast } from "../dom.js";
import { lookAgain } from "./saved_views.js";
import { create, whenShown } from "../data/store.js";
import { currentTab } from "./views.js";

/** Ask for the title of a new card in a column, or in a table, where the column is ""; Enter makes it, Esc does not. */
export function openComposer(column) {
  const { kind } = currentTab() ?? { kind: "trash" };
  if (kind === "trash") return;
  closeComposer();
  if (kind === "board") unfold(column);
  const section = $("board").querySelector(kind === "board" ? `[data-column="${CSS.escape(column)}"]` : ".sheet");
  const where = column ? ` in ${column}` : "";
  const input = el("input", {
    type: "text",
    placeholder: "Title of the new card",
    "aria-label": `Title of the new card${where}`,
  });
  const form = el("form", { class: "composer", onsubmit: (event) => submit(event, column, input) }, input);
  input.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    closeComposer();
    section.querySelector("[data-card]")?.focus();
  });
  input.addEventListener("blur", () => input.value.trim() || form.remove());
  if (kind === "board") section.querySelector(".head").after(form);
  else section.prepend(form);
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
  await lookAgain().catch(() => {});
  await whenShown();
  announce(`“${title}” was made${column ? ` in ${column}` : ""}.`);
  const node = $("board").querySelector(`[data-card="${page.id}"]`);
  if (node) focusCard(node);
  else toast(`“${title}” was made. This view does not show it.`);
}

function closeComposer() {
  $("board").querySelector(".composer")?.remove();
}
