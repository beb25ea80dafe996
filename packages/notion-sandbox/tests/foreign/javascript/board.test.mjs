// Databases, data sources and their schema, as the official SDK makes and mends them.
import assert from "node:assert/strict";
import { test } from "node:test";
import { isFullDatabase, isFullDataSource } from "@notionhq/client";
import { board, card, notion, plain, refusal, rootPage, text, titled } from "./stage.mjs";

const schema = (source, properties) => notion.dataSources.update({ data_source_id: source.id, properties });

test("a database made under a page is full and names its data source", async () => {
  const { database, source } = await board("Planning");
  assert.ok(isFullDatabase(database));
  assert.ok(isFullDataSource(source));
  assert.deepEqual(database.parent, { type: "page_id", page_id: rootPage });
  assert.deepEqual(database.data_sources, [{ id: source.id, name: "Planning" }]);
  assert.deepEqual(source.parent, { type: "database_id", database_id: database.id });
});

test("a database without a schema has a Name", async () => {
  const made = await notion.databases.create({ parent: { type: "page_id", page_id: rootPage }, title: text("Bare") });
  const source = await notion.dataSources.retrieve({ data_source_id: made.data_sources[0].id });
  assert.deepEqual(Object.keys(source.properties), ["Name"]);
});

test("a board has relations to three other databases, each with a property that answers", async () => {
  const others = [await board("Assets"), await board("Audio"), await board("Channels")];
  const relation = ({ source }) => ({ relation: { data_source_id: source.id, dual_property: {} } });
  const [Assets, Audio, Channels] = others.map(relation);
  const { source } = await board("Related", { Assets, Audio, Channels });
  for (const [index, name] of ["Assets", "Audio", "Channels"].entries()) {
    const { type, relation: made } = source.properties[name];
    assert.deepEqual([type, made.type, made.data_source_id], ["relation", "dual_property", others[index].source.id]);
    const there = await notion.dataSources.retrieve({ data_source_id: others[index].source.id });
    assert.equal(there.properties[made.dual_property.synced_property_name].relation.data_source_id, source.id);
  }
});

test("a one-way relation leaves the other side as it was", async () => {
  const other = await board("Untouched");
  await board("Pointing", { Other: { relation: { data_source_id: other.source.id, single_property: {} } } });
  const after = await notion.dataSources.retrieve({ data_source_id: other.source.id });
  assert.deepEqual(Object.keys(after.properties), Object.keys(other.properties));
});

test("properties are added, renamed and removed by name or by id", async () => {
  const { source, properties } = await board();
  await schema(source, { Notes: { rich_text: {} }, [properties.Link.id]: { name: "Address" }, Length: null });
  const after = await notion.dataSources.retrieve({ data_source_id: source.id });
  assert.ok("Notes" in after.properties && "Address" in after.properties);
  assert.ok(!("Length" in after.properties) && !("Link" in after.properties));
  assert.equal(after.properties.Address.id, properties.Link.id);
});

test("options are added, put in another order and removed by sending the whole list", async () => {
  const { source, properties } = await board();
  const [draft, queued] = properties.Status.select.options;
  const options = [{ name: "First", color: "red" }, { id: queued.id }, { id: draft.id, name: "Draft" }];
  const after = await schema(source, { Status: { select: { options } } });
  const found = after.properties.Status.select.options;
  assert.deepEqual(found.map((option) => option.name), ["First", "Queued", "Draft"]);
  assert.deepEqual([found[1].id, found[2].id, found[0].color], [queued.id, draft.id, "red"]);
});

test("an option that is removed empties the cards that had it", async () => {
  const { source } = await board();
  const page = await titled(source, "a", { Status: { select: { name: "Done" } } });
  await schema(source, { Status: { select: { options: [{ name: "Draft" }] } } });
  assert.equal((await notion.pages.retrieve({ page_id: page.id })).properties.Status.select, null);
});

test("an option's colour cannot be changed", async () => {
  const { source, properties } = await board();
  const options = properties.Status.select.options.map(({ id, name }) => ({ id, name, color: "pink" }));
  const error = await refusal(() => schema(source, { Status: { select: { options } } }));
  assert.deepEqual([error.status, error.code], [400, "validation_error"]);
  assert.match(error.message, /Cannot update color of select with name: Draft/);
});

test("a text that becomes a select brings its options, and a select that becomes a text keeps its names", async () => {
  const { source } = await board();
  const page = await titled(source, "a", { Topic: { rich_text: text("Whales") }, Status: { select: { name: "Queued" } } });
  const after = await schema(source, { Topic: { select: {} }, Status: { rich_text: {} } });
  assert.deepEqual(after.properties.Topic.select.options.map((option) => option.name), ["Whales"]);
  const { properties } = await notion.pages.retrieve({ page_id: page.id });
  assert.equal(properties.Topic.select.name, "Whales");
  assert.equal(plain(properties.Status.rich_text), "Queued");
});

test("the title property stays a title", async () => {
  const { source } = await board();
  assert.equal((await refusal(() => schema(source, { Title: { rich_text: {} } }))).code, "validation_error");
  assert.equal((await refusal(() => schema(source, { Title: null }))).code, "validation_error");
});

test("a property's description is kept and shown", async () => {
  const { source } = await board();
  const after = await schema(source, { Topic: { rich_text: {}, description: "One sentence." } });
  assert.equal(after.properties.Topic.description, "One sentence.");
});

test("one more data source in a database has its own schema, cards and view", async () => {
  const { database, source } = await board();
  const more = await notion.dataSources.create({
    parent: { type: "database_id", database_id: database.id },
    title: text("Second"),
    properties: { Name: { title: {} } },
  });
  const after = await notion.databases.retrieve({ database_id: database.id });
  assert.deepEqual(after.data_sources.map(({ id }) => id), [source.id, more.id]);
  await card(more, { Name: { title: text("there") } });
  assert.equal((await notion.dataSources.query({ data_source_id: source.id })).results.length, 0);
  assert.equal((await notion.views.list({ data_source_id: more.id })).results.length, 1);
});

test("a database's title, icon and description are changed, and it goes to the trash and back", async () => {
  const { database } = await board();
  const update = (body) => notion.databases.update({ database_id: database.id, ...body });
  const named = await update({ title: text("New"), icon: { type: "emoji", emoji: "🎬" }, description: text("Why") });
  assert.deepEqual([plain(named.title), named.icon.emoji, plain(named.description)], ["New", "🎬", "Why"]);
  assert.equal((await update({ in_trash: true })).in_trash, true);
  assert.equal((await notion.dataSources.retrieve({ data_source_id: database.data_sources[0].id })).in_trash, true);
  assert.equal((await update({ in_trash: false })).in_trash, false);
});

test("a data source has no templates unless one is made", async () => {
  const { source } = await board();
  const listed = await notion.dataSources.listTemplates({ data_source_id: source.id });
  assert.deepEqual([listed.templates, listed.has_more, listed.next_cursor], [[], false, null]);
});
