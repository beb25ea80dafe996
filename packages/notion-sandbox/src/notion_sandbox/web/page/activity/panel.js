/** The side panel: requests of the API and their rate, webhooks, and faults. */

import { sandbox } from "../data/api.js";
import { activeFaults, showFaults, takeFaults } from "./faults.js";
import { $, attempt, el } from "../dom.js";
import { showMeter } from "./meter.js";
import { titleOf } from "../card/properties.js";
import { changed, onChange, store } from "../data/store.js";

const KEEP = 300;
const requests = new Map();
const webhooks = new Map();
let tab = "requests";
let everyone = false;
let faultNews = 0;
/** The request limit of a connection per minute; Notion's until the sandbox's is loaded. */
let limit = 180;

const isBot = (entry) => [...store.bots.values()].includes(entry.user);

/** Show the panel if it was open before, and load earlier events. */
export function openPanel() {
  if (localStorage.getItem("panel") === "open") setOpen(true);
  onChange(showPanel);
  setInterval(() => $("panel").hidden || drawMeter(), 1000);
}

export function togglePanel() {
  setOpen($("panel").hidden);
}

function setOpen(open) {
  $("panel").hidden = !open;
  $("toggle-panel").setAttribute("aria-expanded", String(open));
  localStorage.setItem("panel", open ? "open" : "closed");
  if (open) attempt(catchUp);
  changed();
}

/** Load the events before the panel was opened. Those of the stream are newer, and stay. */
async function catchUp() {
  const before = faultNews;
  const [faults, sent, { last, requests_per_minute: perMinute }] = await Promise.all([
    sandbox("GET", "/sandbox/faults"),
    sandbox("GET", "/sandbox/webhooks"),
    sandbox("GET", "/sandbox/requests?since=999999999999"),
  ]);
  limit = perMinute;
  if (faultNews === before) takeFaults(faults);
  for (const delivery of sent.deliveries) {
    const known = webhooks.get(delivery.number)?.attempts.length ?? -1;
    if (known < delivery.attempts.length) webhooks.set(delivery.number, delivery);
  }
  const past = await sandbox("GET", `/sandbox/requests?since=${Math.max(0, last - 1000)}`);
  for (const entry of past.requests) requests.set(entry.number, entry);
  changed();
}

/** A request, a webhook or a fault, from the stream. */
export function takeUpdate(kind, body) {
  if (kind === "fault") {
    faultNews += 1;
    takeFaults(body);
  } else {
    const kept = kind === "request" ? requests : webhooks;
    kept.set(body.number, body);
    // Requests of the last minute are needed for the rate, even beyond what is listed.
    if (kept.size > 2000) kept.delete(kept.keys().next().value);
  }
  if (!$("panel").hidden) changed();
}

function showPanel() {
  if ($("panel").hidden) return;
  if (!$("panel").children.length) build();
  for (const button of $("panel").querySelectorAll("[role=tab]")) {
    button.setAttribute("aria-selected", String(button.dataset.tab === tab));
  }
  drawMeter();
  const active = activeFaults();
  $("active-faults").hidden = !active;
  $("active-faults").textContent = `Faults are set: ${active}`;
  const list = $("activity");
  if (tab === "requests") showRequests(list);
  else if (tab === "webhooks") showWebhooks(list);
  else showFaults(list);
}

function build() {
  const names = { requests: "Requests", webhooks: "Webhooks", faults: "Faults" };
  const tabs = Object.entries(names).map(([id, name]) =>
    el(
      "button",
      {
        type: "button",
        role: "tab",
        id: `tab-${id}`,
        "aria-controls": "activity",
        data: { tab: id },
        onclick: () => choose(id),
      },
      name,
    ),
  );
  $("panel").replaceChildren(
    el("div", { id: "meter", class: "meter" }),
    el("button", { type: "button", id: "active-faults", class: "active-faults", hidden: true, onclick: () => choose("faults") }),
    el("div", { role: "tablist", class: "tabs", "aria-label": "Activity" }, tabs),
    el("div", { id: "activity", class: "activity", role: "tabpanel" }),
  );
}

function choose(id) {
  tab = id;
  $("activity").replaceChildren();
  changed();
}

function drawMeter() {
  if ($("meter")) showMeter($("meter"), [...requests.values()].filter(isBot), limit);
}

function showRequests(list) {
  const entries = [...requests.values()]
    .filter((entry) => everyone || isBot(entry))
    .sort((a, b) => b.number - a.number);
  const rows = entries
    .slice(0, KEEP)
    .map((entry) =>
      el(
        "li",
        { class: entry.status === 200 ? "good" : "bad" },
        el("time", {}, clock(entry.time)),
        el("span", { class: "method" }, entry.method),
        el("span", { class: "what", title: entry.path }, target(entry.path)),
        el("span", { class: "status" }, entry.status ? String(entry.status) : "cut"),
        everyone && el("span", { class: "user" }, entry.user ?? "nobody"),
      ),
    );
  const nothing = el("p", { class: "quiet-note" }, "No request of a connection yet. They appear here as they come.");
  if (!list.querySelector(".switch")) list.replaceChildren(peopleToo(), el("div"));
  list.lastChild.replaceChildren(rows.length ? el("ol", { class: "log requests" }, rows) : nothing);
}

function peopleToo() {
  const take = (event) => ((everyone = event.target.checked), changed());
  return el(
    "label",
    { class: "switch" },
    el("input", { type: "checkbox", checked: everyone, onchange: take }),
    " also those of people",
  );
}

function showWebhooks(list) {
  const rows = [...webhooks.values()]
    .sort((a, b) => b.number - a.number)
    .slice(0, KEEP)
    .map(webhookRow);
  const nothing = el(
    "p",
    { class: "quiet-note" },
    "No webhook yet. They go out about a second after a change, if a receiver is subscribed.",
  );
  list.replaceChildren(rows.length ? el("ol", { class: "log webhooks" }, rows) : nothing);
}

function webhookRow({ event, status, attempts }) {
  const last = attempts.at(-1);
  const result = last ? String(last.status ?? "no answer") : "…";
  const who = event.authors.map((author) =>
    author.type === "bot" ? (store.bots.get(author.id) ?? "a bot") : "a person",
  );
  return el(
    "li",
    { class: { delivered: "good", failed: "bad" }[status] ?? (last ? "late" : "") },
    el("time", {}, clock(event.timestamp)),
    el("span", { class: "method" }, event.type),
    el("span", { class: "what" }, name(event.entity.id)),
    el(
      "span",
      { class: "status", title: last?.error ?? "" },
      attempts.length > 1 ? `${result} ×${attempts.length}` : result,
    ),
    el("span", { class: "user" }, who.join(", ")),
  );
}

const clock = (text) => new Date(text).toLocaleTimeString(undefined, { hour12: false });

/** The path with the title of the card in it, where the card is known. */
function target(path) {
  const id = /[0-9a-f]{8}-[0-9a-f-]{27}/.exec(path)?.[0];
  return path.replace("/v1/", "").replace(id ?? /$^/, id ? name(id) : "");
}

function name(id) {
  const card = store.cards.get(id);
  if (card) return `“${titleOf(card) || "Untitled"}”`;
  return id === store.board?.data_source_id || id === store.board?.database_id ? store.board.title : id.slice(0, 8);
}
