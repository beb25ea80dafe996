// What the tests share: clients of the sandbox under test, and boards.
import assert from "node:assert/strict";
import { Client, LogLevel } from "@notionhq/client";

const { SANDBOX_URL, SANDBOX_TOKEN, SANDBOX_PERSON_TOKEN, SANDBOX_ROOT_PAGE } = process.env;
export const url = SANDBOX_URL;
export const rootPage = SANDBOX_ROOT_PAGE;
export const VERSION = "2026-03-11";

const silent = { logLevel: LogLevel.ERROR, baseUrl: SANDBOX_URL };
export const client = (options = {}) => new Client({ auth: SANDBOX_TOKEN, notionVersion: VERSION, ...silent, ...options });
export const notion = client();
export const editor = client({ auth: SANDBOX_PERSON_TOKEN });

export const text = (content) => [{ text: { content } }];
export const plain = (parts) => parts.map((part) => part.plain_text).join("");

export const STATUSES = ["Draft", "Queued", "Review", "Done"];

// A database with one property of every kind that a board uses; returns {database, source, properties}.
export async function board(title = "Videos", more = {}) {
  const made = await notion.databases.create({
    parent: { type: "page_id", page_id: rootPage },
    title: text(title),
    initial_data_source: {
      properties: {
        Title: { title: {} },
        Topic: { rich_text: {} },
        Status: { select: { options: STATUSES.map((name) => ({ name, color: "blue" })) } },
        Tags: { multi_select: { options: [{ name: "sea" }, { name: "sky" }] } },
        Updated: { date: {} },
        Length: { number: { format: "number" } },
        Urgent: { checkbox: {} },
        Link: { url: {} },
        ...more,
      },
    },
  });
  const source = await notion.dataSources.retrieve({ data_source_id: made.data_sources[0].id });
  return { database: made, source, properties: source.properties };
}

export const card = (source, properties, by = notion) =>
  by.pages.create({ parent: { type: "data_source_id", data_source_id: source.id }, properties });

export const titled = (source, title, more = {}) => card(source, { Title: { title: text(title) }, ...more });

// The error of a call that must fail.
export async function refusal(call) {
  try {
    await call();
  } catch (error) {
    return error;
  }
  return assert.fail("The call was not refused.");
}

// Sets a fault, and removes all faults.
export async function fault(settings) {
  const answer = await fetch(`${url}/sandbox/faults`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(settings),
  });
  assert.equal(answer.status, 200, await answer.text());
}

export const calm = () => fetch(`${url}/sandbox/faults`, { method: "DELETE" });

export async function requests() {
  return (await (await fetch(`${url}/sandbox/requests`)).json()).totals.received;
}
