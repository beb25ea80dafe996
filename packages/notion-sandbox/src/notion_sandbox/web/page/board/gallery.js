/** A view as a gallery: each card under the picture that it has in a property of files. */

import { cardNode } from "./cards.js";
import { keepOneTabStop } from "./columns.js";
import { showRest } from "./rest.js";
import { $, el, reconcile } from "../dom.js";
import { pictureOf, samePicture } from "../card/files.js";
import { changed, store } from "../data/store.js";
import { visibleCards } from "./views.js";

const STEP = 60;
const made = new Map();
let shownView = "";
let limit = STEP;

/** Show the cards of a view; `cover` names the property of files. */
export function showGallery({ id, visible, cover }) {
  const main = $("board");
  if (shownView !== id || !main.querySelector(".gallery")) {
    [shownView, limit] = [id, STEP];
    made.clear();
    main.replaceChildren(build());
  }
  for (const key of made.keys()) if (!store.cards.has(key)) made.delete(key);
  const cards = visibleCards();
  const items = cards.slice(0, limit).map((page) => withCover(cardNode(page, made, visible ?? []), page.properties[cover]));
  reconcile(main.querySelector(".gallery"), items);
  showRest(main, cards.length, limit, STEP);
  keepOneTabStop(main);
}

function build() {
  const more = el("button", { type: "button", class: "more", hidden: true, onclick: showMore });
  return el("div", { class: "shelf" }, el("ul", { class: "gallery" }), el("p", { class: "none", hidden: true }), more);
}

function showMore() {
  limit += STEP;
  changed();
}

/** The picture stands above the card's inside, which is made anew when the card changes. */
function withCover(item, property) {
  const picture = pictureOf(property);
  const known = item.querySelector(".cover");
  const name = property?.files?.[0]?.name ?? "";
  if (known && samePicture(known.dataset.picture, picture) && known.dataset.name === name) return item;
  const inside = picture ? el("img", { src: picture, alt: "", loading: "lazy" }) : el("span", {}, name);
  const cover = el("div", { class: "cover", "aria-hidden": "true", data: { picture, name } }, inside);
  known?.remove();
  item.prepend(cover);
  return item;
}
