/** A card that is open: every property with its editor, at the side of the board. */

import { focusCard } from "../board/columns.js";
import { $, attempt, el, announce, toast } from "../dom.js";
import { editor } from "./editors.js";
import { moment, titleOf } from "./properties.js";
import { edit, onChange, refresh, setTrashed, store, userName } from "../data/store.js";

let open = null;

/** Open a card; it is read anew, so that nothing is cut short. */
export function openCard(id) {
  close();
  const card = store.cards.get(id);
  if (!card) return;
  const schema = Object.values(store.schema).sort((a, b) => (b.type === "title") - (a.type === "title"));
  const editors = new Map();
  for (const config of schema) {
    const save = (value) =>
      attempt(() => edit(id, config.name, config.type, value).catch((error) => giveUp(id, error)));
    editors.set(config.name, editor(config, save));
  }
  const title = schema.find((config) => config.type === "title").name;
  const by = el("p", { class: "edited" });
  const dialog = el(
    "dialog",
    { class: "peek", "aria-label": "Card" },
    el(
      "header",
      {},
      by,
      el("button", { type: "button", class: "quiet", onclick: () => trash(id) }, "Move to trash"),
      el(
        "button",
        { type: "button", class: "quiet close", "aria-label": "Close", title: "Close (Esc)", onclick: close },
        "✕",
      ),
    ),
    editors.get(title),
    el(
      "div",
      { class: "rows" },
      schema.filter((config) => config.name !== title).map((config) => row(config, editors.get(config.name))),
    ),
  );
  open = { id, dialog, editors, by, page: null };
  dialog.addEventListener("close", () => leave(id));
  dialog.addEventListener("cancel", flush);
  dialog.addEventListener("click", (event) => event.target === dialog && close());
  document.body.append(dialog);
  dialog.showModal();
  // Showing it would put the focus on the first button; the card as a whole is what was asked for.
  dialog.setAttribute("tabindex", "-1");
  dialog.focus();
  showOpenCard();
  attempt(() => refresh(id));
}

function row(config, node) {
  return el(
    "div",
    { class: "row", data: { type: config.type } },
    el("span", { class: "label", "aria-hidden": "true" }, config.name),
    node,
  );
}

/** A refused value is replaced by the one that holds. */
async function giveUp(id, error) {
  if (open?.id === id) open.page = null;
  await refresh(id).catch(() => {});
  throw error;
}

/** Save what is still being typed. */
function flush() {
  for (const node of open?.editors.values() ?? []) node.flush();
}

function close() {
  if (!open) return;
  flush();
  open.dialog.close();
}

function leave(id) {
  open?.dialog.remove();
  open = null;
  const node = $("board").querySelector(`[data-card="${id}"]`);
  if (node) focusCard(node);
}

async function trash(id) {
  const title = titleOf(store.cards.get(id)) || "Untitled";
  const done = await attempt(() => setTrashed(id, true));
  if (!done) return;
  close();
  announce(`“${title}” is in the trash.`);
  toast(`“${title}” is in the trash.`, { action: () => attempt(() => setTrashed(id, false)) });
}

/** Show the open card as it is now. */
function showOpenCard() {
  if (!open) return;
  const page = store.cards.get(open.id);
  if (!page) {
    open.dialog.close();
    return;
  }
  if (page === open.page) return;
  open.page = page;
  for (const [name, node] of open.editors) node.show(page.properties[name]);
  const { by } = open;
  const bot = store.bots.has(page.last_edited_by.id);
  userName(page.last_edited_by.id).then((name) => {
    by.replaceChildren(
      "Edited by ",
      el("span", { class: bot ? "by" : "person" }, name),
      `, ${moment(page.last_edited_time)}`,
    );
  });
}

onChange(showOpenCard);
