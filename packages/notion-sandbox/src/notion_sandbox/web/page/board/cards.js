/** A card: what an editor sees of a page on the board. */

import { el } from "../dom.js";
import { humanTime, optionOf, shown, titleOf } from "../card/properties.js";
import { store } from "../data/store.js";

const TIME = "Time in Status";
const KNOWN = ["Channel", "Priority", TIME, "Attention"];
/** Shown in a place of their own. */
const APART = [TIME, "Attention"];
const MOST_OTHERS = 3;
const LONGEST = 60;

/**
 * The list item of a card that shows these properties; null is what an editor of a video plan needs. It stays the same element for as long as the card is there, and its inside stays when it
 * is the same: an element that is replaced under the mouse loses its click.
 */
export function cardNode(page, made, visible) {
  const known = made.get(page.id);
  const face = visible?.join("\n");
  if (known?.page === page && known.schema === store.schema && known.face === face) return known.node.parentNode;
  const node = known?.node ?? makeCard(page.id);
  made.set(page.id, { page, schema: store.schema, face, node });
  const title = titleOf(page);
  const fresh = el(
    "div",
    {},
    el("p", { class: title ? "title" : "title none" }, title || "Untitled"),
    ...front(page, visible),
    ...foot(page, visible),
  );
  if (fresh.innerHTML !== node.innerHTML) node.replaceChildren(...fresh.childNodes);
  node.setAttribute("aria-label", label(page, title));
  if (store.fresh.has(page.id)) shine(node, page.id);
  return node.parentNode;
}

function makeCard(id) {
  const given = { class: "card", role: "button", draggable: "true", tabindex: "-1", "aria-roledescription": "card" };
  const node = el("div", { ...given, data: { card: id } });
  el("li", {}, node);
  return node;
}

/** Show briefly that this card was just changed by a bot. */
function shine(node, id) {
  store.fresh.delete(id);
  node.classList.remove("fresh");
  // Reading the size makes the browser notice that the class was away, so that the animation begins anew.
  void node.offsetWidth;
  node.classList.add("fresh");
  node.addEventListener("animationend", () => node.classList.remove("fresh"), { once: true });
}

/** Attention first, then the rest as tags, in the order in which they are named. */
function front({ properties }, visible) {
  const names = visible ?? usual(properties);
  const attention = names.includes("Attention") && shown(properties.Attention);
  const tags = names.filter((name) => !APART.includes(name)).map((name) => valueTag(name, properties[name]));
  return [
    attention && el("p", { class: "attention" }, el("span", {}, attention)),
    tags.some(Boolean) && el("div", { class: "tags" }, tags),
  ].filter(Boolean);
}

/** A value as a tag: options in their colour, anything else as a short text; null when it is empty. */
export function valueTag(name, property) {
  if (!shown(property) || property.type === "title") return null;
  const option = ["select", "status"].includes(property.type) ? optionOf(property) : null;
  if (option && name === "Priority") return priorityTag(option);
  if (option) return tag(option, name === "Channel" ? "channel" : "");
  return el("span", { class: "tag", title: name }, shown(property).slice(0, LONGEST));
}

const tag = (option, kind) => el("span", { class: `tag ${kind}`, data: { color: option.color } }, option.name);

function priorityTag(option) {
  const mark = { High: "▲", Low: "▽" }[option.name] ?? "";
  return el(
    "span",
    { class: "tag priority", data: { color: option.color, level: option.name } },
    `${mark} ${option.name}`.trim(),
  );
}

/** What an editor needs; on a board that is not a video plan, the first few properties that have a value. */
function usual(properties) {
  if (KNOWN.some((name) => name in properties)) return KNOWN;
  return Object.entries(properties)
    .filter(([name, property]) => name !== store.group.name && property.type !== "title" && shown(property))
    .slice(0, MOST_OTHERS)
    .map(([name]) => name);
}

function foot(page, visible) {
  const time = (visible ?? KNOWN).includes(TIME) && humanTime(shown(page.properties[TIME]));
  const bot = store.bots.get(page.last_edited_by.id);
  const parts = [
    time && el("span", { class: "time", title: `${TIME}: ${time}` }, time),
    bot && el("span", { class: "by", title: `${bot} edited this last` }, bot),
  ].filter(Boolean);
  return parts.length ? [el("div", { class: "foot" }, parts)] : [];
}

function label(page, title) {
  const parts = [title || "Untitled"];
  for (const name of KNOWN) {
    const value = humanTime(shown(page.properties[name]));
    if (value) parts.push(`${name}: ${value}`);
  }
  const bot = store.bots.get(page.last_edited_by.id);
  return [...parts, bot && `edited by ${bot}`].filter(Boolean).join(", ");
}
