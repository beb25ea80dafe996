/** Requests: Notion's API with the person's token, and the sandbox's own endpoints. */

const TOKEN_KEY = "sandbox-person-token";
const VERSION = "2026-03-11";
let token = "";

/** The user of the page; null on another machine than the sandbox's, where it is not given. */
export async function openSession() {
  const answer = await fetch("/sandbox/session");
  if (answer.ok) {
    const session = await answer.json();
    token = session.token;
    return session.user;
  }
  token = sessionStorage.getItem(TOKEN_KEY) ?? "";
  return token ? me() : null;
}

/** Act with a token that the person typed in; kept until the tab is closed. */
export async function signIn(typed) {
  token = typed.trim();
  const user = await me();
  sessionStorage.setItem(TOKEN_KEY, token);
  return user;
}

async function me() {
  const { id, name } = await notion("GET", "/v1/users/me");
  return { id, name };
}

/** A request of Notion's API; its object, or an Error with Notion's sentence. */
export async function notion(method, path, body) {
  return send(method, path, body, { Authorization: `Bearer ${token}`, "Notion-Version": VERSION });
}

/** A request of the sandbox's own endpoints. */
export async function sandbox(method, path, body) {
  return send(method, path, body, { Authorization: `Bearer ${token}` });
}

async function send(method, path, body, headers) {
  const json = body === undefined ? {} : { "Content-Type": "application/json" };
  let answer;
  try {
    answer = await fetch(path, { method, headers: { ...headers, ...json }, body: body && JSON.stringify(body) });
  } catch {
    throw new Error("The sandbox does not answer. Is it running?");
  }
  const text = await answer.text();
  let found = {};
  try {
    found = JSON.parse(text);
  } catch {
    throw new Error(`The sandbox answered ${answer.status} without JSON.`);
  }
  if (!answer.ok)
    throw Object.assign(new Error(found.message ?? `Status ${answer.status}`), { status: answer.status });
  return found;
}

/** Every item of a list that is read with GET, or of the rest of it, from a cursor on. */
export async function* items(path, cursor) {
  do {
    const more = cursor ? `${path.includes("?") ? "&" : "?"}start_cursor=${encodeURIComponent(cursor)}` : "";
    const piece = await notion("GET", path + more);
    yield* piece.results;
    cursor = piece.next_cursor;
  } while (cursor);
}

/** Every page or data source, the last edited first. `filter` has `in_trash` for the trash. */
export async function* search(filter) {
  const sort = { timestamp: "last_edited_time", direction: "descending" };
  let cursor;
  do {
    const more = cursor && { start_cursor: cursor };
    const piece = await notion("POST", "/v1/search", { filter, sort, page_size: 100, ...more });
    yield* piece.results;
    cursor = piece.next_cursor;
  } while (cursor);
}

/** Every piece of a query, newest pages first: {results, incomplete}. `only` are ids of properties. */
export async function* queryPieces(dataSourceId, only = []) {
  const names = only.map((id) => `filter_properties=${encodeURIComponent(decodeURIComponent(id))}`).join("&");
  const path = `/v1/data_sources/${dataSourceId}/query${names && `?${names}`}`;
  const sorts = [{ timestamp: "created_time", direction: "descending" }];
  let cursor;
  do {
    const piece = await notion("POST", path, { sorts, page_size: 100, ...(cursor && { start_cursor: cursor }) });
    yield { results: piece.results, incomplete: piece.request_status?.type === "incomplete" };
    cursor = piece.next_cursor;
  } while (cursor);
}
