/** The trash: cards that can be taken out again. */

import { $, attempt, el, reconcile, announce } from "../dom.js";
import { moment, titleOf } from "../card/properties.js";
import { columnOf, setTrashed, store } from "../data/store.js";

const rows = new Map();

export function showTrash() {
  const shown = store.trashed.map((page) => {
    const known = rows.get(page.id);
    const node = known?.page.last_edited_time === page.last_edited_time ? known.node : row(page);
    rows.set(page.id, { page, node });
    return node;
  });
  const main = $("board");
  const list = main.querySelector(".trash") ?? el("ul", { class: "trash", "aria-label": "Trash" });
  reconcile(list, shown);
  if (!shown.length) main.replaceChildren(el("p", { class: "empty" }, "The trash is empty."));
  else if (!list.isConnected) main.replaceChildren(list);
}

function row(page) {
  const title = titleOf(page) || "Untitled";
  const restore = async () => {
    const done = await attempt(() => setTrashed(page.id, false));
    if (done) announce(`“${title}” is back on the board.`);
  };
  return el(
    "li",
    { data: { trashed: page.id } },
    el("span", { class: "title" }, title),
    el("span", { class: "where" }, columnOf(page)),
    el("span", { class: "when" }, `since ${moment(page.last_edited_time)}`),
    el("button", { type: "button", class: "quiet", "aria-label": `Restore ${title}`, onclick: restore }, "Restore"),
  );
}
