/** The board page: assembles the parts. */

import { openSession, signIn } from "./data/api.js";
import { folding, resetColumns, setFolding, showColumns } from "./board/columns.js";
import { openComposer } from "./board/composer.js";
import { $, attempt, el } from "./dom.js";
import { columnToFill, enableKeys } from "./board/keys.js";
import { listen } from "./data/live.js";
import { enableDragging } from "./board/moving.js";
import { openPanel, takeUpdate, togglePanel } from "./activity/panel.js";
import { loadViews, lookAgain } from "./board/saved_views.js";
import { changed, loadBoards, loadCards, loadSchema, onChange, refreshFormulas, store } from "./data/store.js";
import { showGallery } from "./board/gallery.js";
import { showTable } from "./board/table.js";
import { showTrash } from "./board/trash.js";
import { enableViews, settleView, showViews } from "./board/views.js";

const CHOSEN = "board";

function show() {
  const tab = settleView();
  showViews();
  const main = $("board");
  const mode = store.board ? (tab?.kind ?? "loading") : "none";
  if (main.dataset.mode !== mode) {
    main.dataset.mode = mode;
    main.replaceChildren();
  }
  main.setAttribute("aria-busy", String(store.loading));
  $("who").textContent = store.loading
    ? `Loading… ${store.cards.size} cards`
    : store.incomplete
      ? `The first ${store.cards.size} cards`
      : store.user
        ? `You are ${store.user.name}`
        : "";
  for (const id of ["new", "search"]) $(id).hidden = !["board", "table", "gallery"].includes(mode);
  $("fold").hidden = mode !== "board";
  if (mode === "board") showColumns();
  else if (mode === "table") showTable(tab);
  else if (mode === "gallery") showGallery(tab);
  else if (mode === "trash") showTrash();
  else if (mode === "none" && !main.children.length) main.append(welcome());
}

function welcome() {
  return el(
    "div",
    { class: "empty" },
    el("img", { src: "/page/icon.svg", alt: "", width: "56", height: "56" }),
    el("h2", {}, "No board yet"),
    el(
      "p",
      {},
      "As soon as a database is made through the API, with ",
      el("code", {}, "POST /v1/databases"),
      ", it appears here by itself.",
    ),
  );
}

async function openBoard(board) {
  if (!board || board.data_source_id === store.board?.data_source_id) return;
  resetColumns();
  store.cards.clear();
  Object.assign(store, { board, view: null, views: null, search: "", trashed: [], group: null, schema: {} });
  $("board").replaceChildren();
  $("search").value = "";
  localStorage.setItem(CHOSEN, board.data_source_id);
  await loadSchema();
  showBoards();
  await Promise.all([loadViews(), loadCards()]);
}

/** The title, and a choice of boards when there are several. */
function showBoards() {
  const title = store.board?.title ?? "Board";
  document.title = title;
  $("title").textContent = title;
  $("boards").hidden = store.boards.length < 2;
  $("title").hidden = store.boards.length > 1;
  $("boards").replaceChildren(
    ...store.boards.map((board) =>
      el(
        "option",
        { value: board.data_source_id, selected: board.data_source_id === store.board?.data_source_id },
        board.title,
      ),
    ),
  );
}

/** Read which boards there are; open the one that was open last, else the largest: others are often linked to it. */
async function findBoards() {
  await loadBoards();
  const last = localStorage.getItem(CHOSEN);
  const chosen = store.boards.find((board) => board.data_source_id === last) ?? store.boards.reduce((most, board) => (board.properties > most.properties ? board : most), store.boards[0]);
  if (store.board) await loadViews();
  else await openBoard(chosen);
  showBoards();
  changed();
}

/** On another machine than the sandbox's the user enters a token. */
function askForToken() {
  const field = el("input", {
    type: "password",
    "aria-label": "Token",
    placeholder: "person_…",
    autocomplete: "off",
  });
  return new Promise((resolve) => {
    const submit = async (event) => {
      event.preventDefault();
      const user = await attempt(() => signIn(field.value));
      if (user) resolve(user);
    };
    const form = el("form", { onsubmit: submit }, field, el("button", { class: "main" }, "Open the board"));
    const text =
      "The sandbox shows the token on its own machine only. It stands there in sandbox.json, as person_token.";
    $("board").replaceChildren(
      el("div", { class: "empty" }, el("h2", {}, "Whose board is this?"), el("p", {}, text), form),
    );
  });
}

/** Formulas and views change as time passes. */
async function tick() {
  await refreshFormulas();
  await lookAgain();
}

function enableTools() {
  $("boards").addEventListener("change", () =>
    attempt(() => openBoard(store.boards.find((board) => board.data_source_id === $("boards").value))),
  );
  $("search").addEventListener("input", () => ((store.search = $("search").value), changed()));
  $("new").addEventListener("click", () => openComposer(columnToFill(null)));
  $("toggle-panel").addEventListener("click", togglePanel);
  $("fold").setAttribute("aria-pressed", String(folding.on));
  $("fold").addEventListener("click", () => {
    setFolding(!folding.on);
    $("fold").setAttribute("aria-pressed", String(folding.on));
  });
}

async function start() {
  enableTools();
  enableKeys();
  enableDragging();
  enableViews();
  store.user = (await openSession()) ?? (await askForToken());
  onChange(show);
  await listen({ onUpdate: takeUpdate, onBoards: () => attempt(findBoards) });
  openPanel();
  await findBoards();
  setInterval(() => document.hidden || !store.board || tick().catch(() => {}), 60_000);
}

attempt(start);
