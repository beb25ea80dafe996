// Pages as cards of a board: their values, queries, moves.
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  collectAllDataSourceRows,
  collectPaginatedAPI,
  extractNotionId,
  isFullPage,
  isFullPageOrDataSource,
  iteratePaginatedAPI,
} from "@notionhq/client";
import { board, client, editor, notion, plain, refusal, rootPage, text, titled } from "./stage.mjs";

const kinds = { People: { people: {} }, Mail: { email: {} }, Phone: { phone_number: {} }, Files: { files: {} }, No: { unique_id: { prefix: "V" } } };
const values = (page) => page.properties;

test("a page is full and its url leads back to its id", async () => {
  const { source } = await board();
  const page = await titled(source, "Giant squid");
  assert.ok(isFullPage(page) && isFullPageOrDataSource(page));
  assert.equal(extractNotionId(page.url), page.id);
  assert.equal(page.parent.data_source_id, source.id);
});

test("every kind of value is written and read back", async () => {
  const { source } = await board("Kinds", kinds);
  const { id: me } = await notion.users.me({});
  const page = await titled(source, "a", {
    Topic: { rich_text: text("Deep sea") },
    Status: { select: { name: "Queued" } },
    Tags: { multi_select: [{ name: "sky" }, { name: "new" }] },
    Updated: { date: { start: "2026-11-23T10:05:00.000Z" } },
    Length: { number: 12.5 },
    Urgent: { checkbox: true },
    Link: { url: "https://example.com" },
    People: { people: [{ id: me }] },
    Mail: { email: "a@example.com" },
    Phone: { phone_number: "+49 1" },
    Files: { files: [{ name: "cut", type: "external", external: { url: "https://example.com/cut.mp4" } }] },
  });
  const read = values(await notion.pages.retrieve({ page_id: page.id }));
  assert.equal(plain(read.Topic.rich_text), "Deep sea");
  assert.deepEqual(read.Tags.multi_select.map(({ name }) => name), ["sky", "new"]);
  assert.deepEqual([read.Status.select.name, read.Length.number, read.Urgent.checkbox], ["Queued", 12.5, true]);
  assert.deepEqual([read.Link.url, read.Mail.email, read.Phone.phone_number], ["https://example.com", "a@example.com", "+49 1"]);
  assert.deepEqual([read.People.people[0].id, read.Files.files[0].external.url], [me, "https://example.com/cut.mp4"]);
  assert.deepEqual(read.No.unique_id, { prefix: "V", number: 1 });
});

test("values are cleared as the documentation says", async () => {
  const { source } = await board("Kinds", kinds);
  const filled = { Length: { number: 1 }, Tags: { multi_select: [{ name: "sky" }] }, Mail: { email: "a@b.c" }, Topic: { rich_text: text("x") } };
  const page = await titled(source, "a", filled);
  const properties = { Length: { number: null }, Tags: { multi_select: [] }, Mail: { email: null }, Topic: { rich_text: [] } };
  const after = values(await notion.pages.update({ page_id: page.id, properties }));
  assert.deepEqual([after.Length.number, after.Tags.multi_select, after.Mail.email, after.Topic.rich_text], [null, [], null, []]);
});

test("a list replaces the list before", async () => {
  const { source } = await board();
  const page = await titled(source, "a", { Tags: { multi_select: [{ name: "sea" }] } });
  const after = await notion.pages.update({ page_id: page.id, properties: { Tags: { multi_select: [{ name: "sky" }] } } });
  assert.deepEqual(values(after).Tags.multi_select.map(({ name }) => name), ["sky"]);
});

test("unique ids count up", async () => {
  const { source } = await board("Kinds", kinds);
  const pages = [await titled(source, "a"), await titled(source, "b")];
  assert.deepEqual(pages.map((page) => values(page).No.unique_id.number), [1, 2]);
});

test("both sides of a relation follow each other", async () => {
  const assets = await board("Assets");
  const { source, properties } = await board("Videos", { Assets: { relation: { data_source_id: assets.source.id, dual_property: {} } } });
  const asset = await titled(assets.source, "clip");
  const page = await titled(source, "a", { Assets: { relation: [{ id: asset.id }] } });
  const name = properties.Assets.relation.dual_property.synced_property_name;
  assert.deepEqual(values(await notion.pages.retrieve({ page_id: asset.id }))[name].relation, [{ id: page.id }]);
});

test("icon, cover and lock are kept", async () => {
  const { source } = await board();
  const { id } = await titled(source, "a");
  const cover = { type: "external", external: { url: "https://example.com/c.png" } };
  const page = await notion.pages.update({ page_id: id, icon: { emoji: "🐋" }, cover, is_locked: true });
  assert.deepEqual([page.icon, page.cover, page.is_locked], [{ type: "emoji", emoji: "🐋" }, cover, true]);
});

test("a page goes to the trash and comes back", async () => {
  const { source } = await board();
  const { id } = await titled(source, "a");
  assert.equal((await notion.pages.update({ page_id: id, in_trash: true })).in_trash, true);
  assert.equal((await notion.dataSources.query({ data_source_id: source.id })).results.length, 0);
  assert.equal((await notion.pages.update({ page_id: id, in_trash: false })).in_trash, false);
});

test("a page moves under another page and back into the board", async () => {
  const { source } = await board();
  const { id } = await titled(source, "wanderer");
  const parent = await notion.pages.create({ parent: { page_id: rootPage }, properties: { title: { title: text("shelf") } } });
  const moved = await notion.pages.move({ page_id: id, parent: { page_id: parent.id } });
  assert.deepEqual(moved.parent, { type: "page_id", page_id: parent.id });
  const back = await notion.pages.move({ page_id: id, parent: { data_source_id: source.id } });
  assert.deepEqual([back.parent.data_source_id, plain(values(back).Title.title)], [source.id, "wanderer"]);
});

test("a page cannot move under itself", async () => {
  const outer = await notion.pages.create({ parent: { page_id: rootPage }, properties: { title: { title: text("outer") } } });
  const inner = await notion.pages.create({ parent: { page_id: outer.id }, properties: { title: { title: text("inner") } } });
  const error = await refusal(() => notion.pages.move({ page_id: outer.id, parent: { page_id: inner.id } }));
  assert.equal(error.code, "validation_error");
});

test("a query filters, sorts and shows only the properties it is asked for", async () => {
  const { source, properties } = await board();
  for (const [title, length] of [["a", 3], ["b", 1], ["c", 2]]) await titled(source, title, { Length: { number: length } });
  const found = await notion.dataSources.query({
    data_source_id: source.id,
    filter: { property: "Length", number: { greater_than: 1 } },
    sorts: [{ property: "Length", direction: "descending" }],
    filter_properties: ["title", properties.Length.id],
  });
  assert.deepEqual(found.results.map((page) => plain(values(page).Title.title)), ["a", "c"]);
  assert.deepEqual(Object.keys(values(found.results[0])).sort(), ["Length", "Title"]);
  assert.deepEqual([found.type, "request_status" in found], ["page_or_data_source", false]);
});

test("filters of lists, people and texts find what has them", async () => {
  const { source } = await board("Kinds", kinds);
  const { id: me } = await notion.users.me({});
  await titled(source, "mine", { Tags: { multi_select: [{ name: "sea" }] }, People: { people: [{ id: me }] }, Mail: { email: "a@b.c" } });
  await titled(source, "other");
  await titled(source, "a third");
  const count = async (filter) => (await notion.dataSources.query({ data_source_id: source.id, filter })).results.length;
  assert.equal(await count({ property: "Tags", multi_select: { contains: "sea" } }), 1);
  assert.equal(await count({ property: "Tags", multi_select: { does_not_contain: "sea" } }), 2);
  assert.equal(await count({ property: "People", people: { contains: me } }), 1);
  assert.equal(await count({ property: "People", people: { is_empty: true } }), 2);
  assert.equal(await count({ property: "Mail", email: { ends_with: "b.c" } }), 1);
  assert.equal(await count({ property: "Files", files: { is_empty: true } }), 3);
  assert.equal(await count({ property: "No", unique_id: { greater_than: 1 } }), 2);
});

test("every piece of a long list is found once, by both helpers", async () => {
  const { source } = await board();
  const made = [];
  for (let number = 0; number < 7; number += 1) made.push((await titled(source, `card ${number}`)).id);
  const args = { data_source_id: source.id, page_size: 3, sorts: [{ property: "Title", direction: "ascending" }] };
  const collected = await collectPaginatedAPI(notion.dataSources.query, args);
  assert.deepEqual(collected.map(({ id }) => id), made);
  const walked = [];
  for await (const { id } of iteratePaginatedAPI(notion.dataSources.query, args)) walked.push(id);
  assert.deepEqual(walked, made);
  assert.equal((await collectAllDataSourceRows(notion, { data_source_id: source.id })).length, 7);
});

test("property items come one by one for long lists, at once for the rest", async () => {
  const { source, properties } = await board("Kinds", kinds);
  const { id: me } = await notion.users.me({});
  const [bold] = text("two");
  const topic = [...text("one "), { ...bold, annotations: { bold: true } }];
  const page = await titled(source, "a", { Topic: { rich_text: topic }, Length: { number: 4 }, People: { people: [{ id: me }] } });
  const item = (property_id, more = {}) => notion.pages.properties.retrieve({ page_id: page.id, property_id, ...more });
  const first = await item(properties.Topic.id, { page_size: 1 });
  assert.deepEqual([first.object, first.type, first.results.length, first.has_more], ["list", "property_item", 1, true]);
  const second = await item(properties.Topic.id, { page_size: 1, start_cursor: first.next_cursor });
  assert.equal(second.results[0].rich_text.plain_text, "two");
  assert.equal((await item(properties.Length.id)).number, 4);
  assert.equal((await item(properties.People.id)).results[0].people.id, me);
});

test("a mention of a page and a plain text are distinguished", async () => {
  const { source } = await board();
  const other = await titled(source, "the other");
  const page = await titled(source, "a", { Topic: { rich_text: [...text("see "), { mention: { page: { id: other.id } } }] } });
  const [said, mentioned] = values(page).Topic.rich_text;
  assert.deepEqual([said.type, said.text.content, mentioned.type], ["text", "see ", "mention"]);
  assert.deepEqual([mentioned.mention.page.id, mentioned.plain_text], [other.id, "the other"]);
});

test("the last author is given by id and kind", async () => {
  const { source } = await board("Authors", { By: { last_edited_by: {} } });
  const { id } = await titled(source, "a");
  const page = await editor.pages.update({ page_id: id, properties: { Urgent: { checkbox: true } } });
  const me = await editor.users.me({});
  assert.deepEqual([page.last_edited_by.id, values(page).By.last_edited_by.id, me.type], [me.id, me.id, "person"]);
});

test("the version before shows archived beside in_trash, and has it written", async () => {
  const { source } = await board();
  const { id } = await titled(source, "a");
  const before = client({ notionVersion: "2025-09-03" });
  assert.equal((await before.pages.retrieve({ page_id: id })).archived, false);
  assert.equal((await before.pages.update({ page_id: id, archived: true })).in_trash, true);
  assert.ok(!("archived" in (await notion.pages.retrieve({ page_id: id }))));
});
