/** A view as a table: one row a card, one column a property. */

import { keepOneTabStop } from "./columns.js";
import { valueTag } from "./cards.js";
import { showRest } from "./rest.js";
import { $, el, reconcile } from "../dom.js";
import { humanTime, shown, titleOf } from "../card/properties.js";
import { changed, store } from "../data/store.js";
import { visibleCards } from "./views.js";

const STEP = 100;
const TAGGED = ["select", "status"];
const rows = new Map();
let limit = STEP;
let head = "";

/** Show the cards of a view in rows; without a word of the view, every property is a column. */
export function showTable({ id, visible }) {
  const title = Object.values(store.schema).find((property) => property.type === "title").name;
  const names = [title, ...(visible ?? Object.keys(store.schema)).filter((name) => name !== title)];
  const cards = visibleCards();
  const main = $("board");
  const wanted = [id, ...names].join("\n");
  if (wanted !== head || !main.querySelector(".sheet")) {
    [head, limit] = [wanted, STEP];
    rows.clear();
    main.replaceChildren(build(names));
  }
  for (const key of rows.keys()) if (!store.cards.has(key)) rows.delete(key);
  reconcile(
    main.querySelector("tbody"),
    cards.slice(0, limit).map((page) => row(page, names)),
  );
  showRest(main, cards.length, limit, STEP);
  keepOneTabStop(main);
}

function build(names) {
  const cells = names.map((name) => el("th", { scope: "col" }, name));
  const more = el("button", { type: "button", class: "more", hidden: true, onclick: showMore });
  return el(
    "div",
    { class: "sheet" },
    el("table", {}, el("thead", {}, el("tr", {}, cells)), el("tbody", {})),
    el("p", { class: "none", hidden: true }),
    more,
  );
}

function showMore() {
  limit += STEP;
  changed();
}

/** A row stays the same element for as long as the card is there: one that is replaced loses the focus. */
function row(page, names) {
  const known = rows.get(page.id);
  if (known?.page === page) return known.node;
  const node = known?.node ?? el("tr", { tabindex: "-1", data: { card: page.id } });
  rows.set(page.id, { page, node });
  node.replaceChildren(...names.map((name) => cell(name, page)));
  const bot = store.bots.get(page.last_edited_by.id);
  if (bot) node.firstChild.prepend(el("span", { class: "by", title: `${bot} edited this last` }, bot));
  return node;
}

function cell(name, page) {
  const property = page.properties[name];
  if (property?.type === "title") return el("td", { class: "title" }, titleOf(page) || "Untitled");
  if (TAGGED.includes(property?.type)) return el("td", {}, valueTag(name, property));
  return el("td", { class: name === "Attention" ? "warned" : "" }, property ? humanTime(shown(property)) : "");
}
