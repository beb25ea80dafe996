// Views: boards grouped by status in order, with visible and hidden properties and saved filters.
import assert from "node:assert/strict";
import { test } from "node:test";
import { collectPaginatedAPI, isFullView } from "@notionhq/client";
import { board, notion, refusal, titled } from "./stage.mjs";

const grouped = (property, more = {}) => ({ type: "select", property_id: property.id, sort: { type: "manual" }, ...more });

const create = ({ database, source }, body) =>
  notion.views.create({ database_id: database.id, data_source_id: source.id, name: "View", type: "table", ...body });

const byStatus = (made, more = {}) =>
  create(made, { type: "board", configuration: { type: "board", group_by: grouped(made.properties.Status), ...more } });

const found = async (view) => {
  const query = await notion.views.queries.create({ view_id: view.id });
  const pages = await Promise.all(query.results.map(({ id }) => notion.pages.retrieve({ page_id: id })));
  return pages.map((page) => page.properties.Title.title[0].plain_text);
};

test("a new database has one table view, named Default view", async () => {
  const { database, source } = await board();
  const { results } = await notion.views.list({ database_id: database.id });
  assert.equal(results.length, 1);
  const view = await notion.views.retrieve({ view_id: results[0].id });
  assert.ok(isFullView(view));
  assert.deepEqual([view.name, view.type, view.data_source_id], ["Default view", "table", source.id]);
  assert.deepEqual([view.filter, view.sorts, view.quick_filters], [null, null, null]);
});

test("a board view is grouped by status in the order of its options", async () => {
  const made = await board();
  const view = await byStatus(made);
  const again = await notion.views.retrieve({ view_id: view.id });
  const { group_by } = again.configuration;
  assert.deepEqual([group_by.type, group_by.property_id, group_by.sort], ["select", made.properties.Status.id, { type: "manual" }]);
  assert.equal(group_by.property_name, "Status");
});

test("a view keeps which properties are visible and which are hidden", async () => {
  const made = await board();
  const properties = [
    { property_id: "title", visible: true },
    { property_id: made.properties.Topic.id, visible: true, wrap: true },
    { property_id: made.properties.Length.id, visible: false },
  ];
  const view = await byStatus(made, { properties });
  assert.deepEqual(
    view.configuration.properties.map(({ property_id, property_name, visible }) => [property_id, property_name, visible]),
    [["title", "Title", true], [made.properties.Topic.id, "Topic", true], [made.properties.Length.id, "Length", false]],
  );
});

test("a saved filter is read back as it was given and decides what the view finds", async () => {
  const made = await board();
  await titled(made.source, "waiting", { Status: { select: { name: "Queued" } } });
  await titled(made.source, "done", { Status: { select: { name: "Done" } } });
  const filter = { property: "Status", select: { equals: ["Queued", "Review"] } };
  const view = await create(made, { filter });
  assert.deepEqual((await notion.views.retrieve({ view_id: view.id })).filter, filter);
  assert.deepEqual(await found(view), ["waiting"]);
});

test("a compound filter and sorts are kept", async () => {
  const made = await board();
  for (const [title, length] of [["short", 1], ["long", 9], ["middle", 5]]) {
    await titled(made.source, title, { Length: { number: length } });
  }
  const filter = { or: [{ property: "Length", number: { greater_than: 4 } }, { property: "Urgent", checkbox: { equals: true } }] };
  const view = await create(made, { filter, sorts: [{ property: "Length", direction: "descending" }] });
  assert.deepEqual(view.filter, filter);
  assert.deepEqual(await found(view), ["long", "middle"]);
});

test("quick filters are added, removed one by one and cleared", async () => {
  const made = await board();
  const quick_filters = { Status: { select: { equals: "Done" } }, Urgent: { checkbox: { equals: true } } };
  const view = await create(made, { quick_filters });
  const update = (quick) => notion.views.update({ view_id: view.id, quick_filters: quick });
  assert.deepEqual(Object.keys((await update({ Status: null })).quick_filters), ["Urgent"]);
  assert.equal((await update(null)).quick_filters, null);
});

test("an update merges the configuration, and null clears a part of it", async () => {
  const made = await board();
  const view = await byStatus(made, { cover_size: "large", card_layout: "compact" });
  const configuration = { type: "board", group_by: grouped(made.properties.Status), cover_size: null };
  const after = await notion.views.update({ view_id: view.id, name: "Renamed", configuration });
  assert.deepEqual([after.name, after.configuration.card_layout, "cover_size" in after.configuration], ["Renamed", "compact", false]);
});

test("an update clears filter and sorts with null", async () => {
  const made = await board();
  const view = await create(made, {
    filter: { property: "Urgent", checkbox: { equals: true } },
    sorts: [{ timestamp: "created_time", direction: "ascending" }],
  });
  const after = await notion.views.update({ view_id: view.id, filter: null, sorts: null });
  assert.deepEqual([after.filter, after.sorts], [null, null]);
});

test("views stand where they are placed and are listed in that order", async () => {
  const made = await board();
  const [first] = (await notion.views.list({ database_id: made.database.id })).results;
  const last = await create(made, { name: "last" });
  const start = await create(made, { name: "start", position: { type: "start" } });
  const after = await create(made, { name: "after", position: { type: "after_view", view_id: first.id } });
  const listed = await collectPaginatedAPI(notion.views.list, { database_id: made.database.id, page_size: 2 });
  assert.deepEqual(listed.map(({ id }) => id), [start.id, first.id, after.id, last.id]);
});

test("a view is deleted, but never the last", async () => {
  const made = await board();
  const view = await byStatus(made);
  const deleted = await notion.views.delete({ view_id: view.id });
  assert.deepEqual([deleted.object, deleted.id, "name" in deleted], ["view", view.id, false]);
  assert.equal((await refusal(() => notion.views.retrieve({ view_id: view.id }))).code, "object_not_found");
  const [last] = (await notion.views.list({ database_id: made.database.id })).results;
  assert.equal((await refusal(() => notion.views.delete({ view_id: last.id }))).code, "validation_error");
});

test("a view survives the renaming of its properties", async () => {
  const made = await board();
  const view = await create(made, { filter: { property: "Urgent", checkbox: { equals: true } } });
  await notion.dataSources.update({ data_source_id: made.source.id, properties: { Urgent: { name: "Now" } } });
  assert.equal((await notion.views.retrieve({ view_id: view.id })).filter.property, "Now");
});

test("a linked view shows the pages of another database", async () => {
  const [made, other] = [await board(), await board("Dashboard")];
  await titled(made.source, "seen from elsewhere");
  const view = await create({ database: other.database, source: made.source }, {});
  assert.deepEqual(await found(view), ["seen from elsewhere"]);
  const listed = await notion.views.list({ data_source_id: made.source.id });
  assert.ok(listed.results.some(({ id }) => id === view.id));
});

test("a query of a view gives references in pieces that stay as they were", async () => {
  const made = await board();
  for (const title of ["a", "b", "c"]) await titled(made.source, title);
  const [{ id: view_id }] = (await notion.views.list({ database_id: made.database.id })).results;
  const query = await notion.views.queries.create({ view_id, page_size: 2 });
  assert.deepEqual([query.total_count, query.results.length, query.has_more], [3, 2, true]);
  assert.deepEqual(Object.keys(query.results[0]), ["object", "id"]);
  await titled(made.source, "later");
  const rest = await notion.views.queries.results({ view_id, query_id: query.id, start_cursor: query.next_cursor });
  assert.deepEqual([rest.results.length, rest.has_more], [1, false]);
  assert.equal((await notion.views.queries.delete({ view_id, query_id: query.id })).deleted, true);
  assert.equal((await notion.views.queries.delete({ view_id, query_id: query.id })).deleted, true);
});

test("calendar, timeline, gallery and list views are made with what they require", async () => {
  const made = await board();
  const date_property_id = made.properties.Updated.id;
  for (const type of ["calendar", "timeline"]) {
    const view = await create(made, { type, configuration: { type, date_property_id } });
    assert.equal(view.configuration.date_property_name, "Updated");
    assert.equal((await refusal(() => create(made, { type }))).code, "validation_error");
  }
  for (const type of ["gallery", "list"]) assert.equal((await create(made, { type })).type, type);
});

for (const [what, body] of Object.entries({
  "an unknown property in its filter": { filter: { property: "Nope", select: { equals: "Done" } } },
  "a filter of another type": { filter: { property: "Status", number: { equals: 1 } } },
  "an option that does not exist": { filter: { property: "Status", select: { equals: ["Nope"] } } },
  "an unknown property in its sorts": { sorts: [{ property: "Nope", direction: "ascending" }] },
  "a configuration of another type": { configuration: { type: "list" } },
  "a hidden property that does not exist": { configuration: { type: "table", properties: [{ property_id: "nope" }] } },
  "a board without groups": { type: "board" },
  "no name": { name: undefined },
})) {
  test(`a view with ${what} is refused`, async () => {
    const made = await board();
    const error = await refusal(() => create(made, body));
    assert.deepEqual([error.status, error.code], [400, "validation_error"]);
    assert.equal((await notion.views.list({ database_id: made.database.id })).results.length, 1);
  });
}
