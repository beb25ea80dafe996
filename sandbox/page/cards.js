/** A card: what an editor sees of a page on the board. */

import { el } from "./dom.js";
import { optionOf, shown, titleOf } from "./properties.js";
import { store } from "./store.js";

const KNOWN = ["Channel", "Priority", "Time in Status", "Attention"];
const MOST_OTHERS = 3;

/**
 * The list item of a card. It stays the same element for as long as the card is there, and its inside stays when it
 * looks the same: an element that is replaced under the mouse loses its click.
 */
export function cardNode(page, made) {
  const known = made.get(page.id);
  if (known?.page === page && known.schema === store.schema) return known.node.parentNode;
  const node = known?.node ?? makeCard(page.id);
  made.set(page.id, { page, schema: store.schema, node });
  const title = titleOf(page);
  const look = el(
    "div",
    {},
    el("p", { class: title ? "title" : "title none" }, title || "Untitled"),
    ...face(page),
    ...foot(page),
  );
  if (look.innerHTML !== node.innerHTML) node.replaceChildren(...look.childNodes);
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

/** Say for a moment that this card was just changed by a bot. */
function shine(node, id) {
  store.fresh.delete(id);
  node.classList.remove("fresh");
  // Reading the size makes the browser notice that the class was away, so that the animation begins anew.
  void node.offsetWidth;
  node.classList.add("fresh");
  node.addEventListener("animationend", () => node.classList.remove("fresh"), { once: true });
}

function face({ properties }) {
  const channel = optionOf(properties.Channel);
  const priority = optionOf(properties.Priority);
  const attention = shown(properties.Attention);
  const chips = [channel && tag(channel, "channel"), priority && priorityTag(priority), ...others(properties)].filter(
    Boolean,
  );
  return [
    attention && el("p", { class: "attention" }, attention),
    chips.length > 0 && el("div", { class: "tags" }, chips),
  ].filter(Boolean);
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

/** On a board that is not a video plan: the first few short properties that have a value. */
function others(properties) {
  if (KNOWN.some((name) => name in properties)) return [];
  return Object.entries(properties)
    .filter(([name, property]) => name !== store.group.name && property.type !== "title" && shown(property))
    .slice(0, MOST_OTHERS)
    .map(([name, property]) => {
      const option = ["select", "status"].includes(property.type) ? optionOf(property) : null;
      return option ? tag(option, "") : el("span", { class: "tag", title: name }, shown(property).slice(0, 60));
    });
}

function foot(page) {
  const time = timeOf(page);
  const bot = store.bots.get(page.last_edited_by.id);
  const parts = [
    time && el("span", { class: "time", title: `Time in Status: ${time}` }, humanTime(time)),
    bot && el("span", { class: "by", title: `${bot} edited this last` }, bot),
  ].filter(Boolean);
  return parts.length ? [el("div", { class: "foot" }, parts)] : [];
}

/** The time in the status; "" on a card whose formula has no date yet and gives its unit only. */
function timeOf(page) {
  const time = shown(page.properties["Time in Status"]).trim();
  return time === "min" ? "" : time;
}

/** "125 min" as "2 h 5 min"; anything else as it is. */
export function humanTime(text) {
  const minutes = /^(\d+) min$/.exec(text)?.[1];
  if (minutes === undefined || minutes < 60) return text;
  const [days, hours] = [Math.floor(minutes / 1440), Math.floor((minutes % 1440) / 60)];
  const [large, small] = days
    ? [`${days} d`, hours && `${hours} h`]
    : [`${hours} h`, minutes % 60 && `${minutes % 60} min`];
  return small ? `${large} ${small}` : large;
}

function label(page, title) {
  const said = [title || "Untitled"];
  for (const name of KNOWN) {
    const value = name === "Time in Status" ? timeOf(page) : shown(page.properties[name]);
    if (value) said.push(`${name}: ${value}`);
  }
  const bot = store.bots.get(page.last_edited_by.id);
  return [...said, bot && `edited by ${bot}`].filter(Boolean).join(", ");
}
