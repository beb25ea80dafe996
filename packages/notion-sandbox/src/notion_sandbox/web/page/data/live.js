/** Live updates from the sandbox. */

import { $, announce } from "../dom.js";
import { titleOf } from "../card/properties.js";
import { loadViews, lookAgain } from "../board/saved_views.js";
import { changed, keep, loadBoards, loadCards, loadSchema, loadTrash, refresh, store } from "./store.js";

const AT_ONCE = 6;
const waiting = new Map();
let running = 0;

/**
 * Listen for updates. `onUpdate(kind, body)` gets requests, webhooks and faults; `onBoards()` is called when there may be
 * another board; resolves once the stream is open, so that nothing is missed between it and the first load.
 */
export function listen({ onUpdate, onBoards }) {
  const source = new EventSource("/sandbox/stream");
  const on = (kind, take) => source.addEventListener(kind, (event) => take(JSON.parse(event.data)));
  on("change", hint);
  on("schema", async ({ data_source_id: id }) => {
    if (id === store.board?.data_source_id) await Promise.all([loadSchema(), loadViews()]);
    else onBoards();
  });
  on("board", onBoards);
  on("missed", async () => {
    await loadBoards();
    if (store.board) await Promise.all([loadSchema(), loadViews(), loadCards()]);
  });
  for (const kind of ["request", "webhook", "fault"]) on(kind, (body) => onUpdate(kind, body));
  source.addEventListener("error", () => state(false));
  return new Promise((resolve) => {
    source.addEventListener("hello", () => {
      state(true);
      resolve();
    });
  });
}

function state(live) {
  $("live").textContent = live ? "Live" : "Reconnecting…";
  $("live").classList.toggle("off", !live);
}

/** A page has changed: it is read again, soon, once, and only a few at a time. */
function hint(change) {
  if (change.data_source_id !== store.board?.data_source_id) return;
  const before = waiting.get(change.page_id);
  const bot = change.by.type === "bot" ? change.by.name : (before?.bot ?? null);
  waiting.set(change.page_id, { ...change, bot });
  work();
}

async function work() {
  while (running < AT_ONCE && waiting.size) {
    const [[id, change]] = waiting;
    waiting.delete(id);
    running += 1;
    read(id, change).finally(() => {
      running -= 1;
      work();
    });
  }
}

async function read(id, change) {
  if (change.bot) store.fresh.add(id);
  const page = await refresh(id).catch((error) => {
    // A page that cannot be found any more is not on the board; anything else comes with the next update.
    if (error.status === 404) keep({ id, in_trash: true, parent: {} });
    return null;
  });
  await (store.view === "trash" ? loadTrash() : lookAgain()).catch(() => {});
  if (change.bot && page) announce(`${change.bot} changed “${titleOf(page)}”.`);
  changed();
}
