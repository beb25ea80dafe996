// What stands on pages, what is said about them, who is there, and what a search finds.
import assert from "node:assert/strict";
import { test } from "node:test";
import { collectPaginatedAPI, isFullBlock, isFullComment, isFullDataSource, isFullPage, isFullUser } from "@notionhq/client";
import { board, editor, notion, plain, refusal, rootPage, text, titled } from "./stage.mjs";

const sheet = (title = "Sheet", more = {}) =>
  notion.pages.create({ parent: { page_id: rootPage }, properties: { title: { title: text(title) } }, ...more });
const paragraph = (content) => ({ paragraph: { rich_text: text(content) } });
const list = async (block_id) => (await notion.blocks.children.list({ block_id })).results;
const said = (block) => plain(block[block.type].rich_text);

test("a page is made with its content", async () => {
  const page = await sheet("Script", { children: [{ heading_1: { rich_text: text("Intro") } }, paragraph("Once.")] });
  const blocks = await list(page.id);
  assert.ok(blocks.every(isFullBlock));
  assert.deepEqual(blocks.map((block) => [block.type, said(block)]), [["heading_1", "Intro"], ["paragraph", "Once."]]);
});

test("blocks of every kind are appended with their defaults", async () => {
  const { id } = await sheet();
  const children = [
    { to_do: { rich_text: text("film"), checked: true } },
    { bulleted_list_item: { rich_text: text("b") } },
    { numbered_list_item: { rich_text: text("n") } },
    { toggle: { rich_text: text("t"), children: [paragraph("inside")] } },
    { quote: { rich_text: text("q") } },
    { callout: { rich_text: text("c"), icon: { emoji: "💡" } } },
    { code: { rich_text: text("1 + 1"), language: "python" } },
    { equation: { expression: "E = mc^2" } },
    { bookmark: { url: "https://example.com" } },
    { image: { type: "external", external: { url: "https://example.com/i.png" } } },
    { divider: {} },
  ];
  const { results } = await notion.blocks.children.append({ block_id: id, children });
  assert.deepEqual(results.map(({ type }) => type), children.map((child) => Object.keys(child)[0]));
  assert.deepEqual([results[0].to_do.checked, results[0].to_do.color, results[3].has_children], [true, "default", true]);
  assert.deepEqual((await list(results[3].id)).map(said), ["inside"]);
});

test("blocks are put at the start, at the end and after another", async () => {
  const { id } = await sheet();
  const append = (content, position) => notion.blocks.children.append({ block_id: id, children: [paragraph(content)], position });
  const first = (await append("first")).results[0];
  await append("end");
  await append("start", { type: "start" });
  await append("after", { type: "after_block", after_block: { id: first.id } });
  assert.deepEqual((await list(id)).map(said), ["start", "first", "after", "end"]);
});

test("a block is changed, trashed and removed from its page", async () => {
  const { id } = await sheet("Sheet", { children: [paragraph("before"), paragraph("stays")] });
  const [block] = await list(id);
  const changed = await notion.blocks.update({ block_id: block.id, paragraph: { rich_text: text("after") } });
  assert.equal(said(changed), "after");
  assert.equal((await notion.blocks.delete({ block_id: block.id })).in_trash, true);
  assert.deepEqual((await list(id)).map(said), ["stays"]);
  assert.equal((await notion.blocks.retrieve({ block_id: block.id })).in_trash, true);
});

test("a long page is read in pieces", async () => {
  const { id } = await sheet();
  const children = Array.from({ length: 9 }, (_, number) => paragraph(`${number}`));
  await notion.blocks.children.append({ block_id: id, children });
  const all = await collectPaginatedAPI(notion.blocks.children.list, { block_id: id, page_size: 4 });
  assert.deepEqual(all.map(said), children.map((child) => child.paragraph.rich_text[0].text.content));
});

test("pages and databases under a page are its blocks too", async () => {
  const outer = await sheet("Outer");
  const inner = await notion.pages.create({ parent: { page_id: outer.id }, properties: { title: { title: text("Inner") } } });
  const made = await notion.databases.create({ parent: { type: "page_id", page_id: outer.id }, title: text("Board") });
  const blocks = await list(outer.id);
  assert.deepEqual(blocks.map(({ id, type }) => [id, type]), [[inner.id, "child_page"], [made.id, "child_database"]]);
  assert.deepEqual([blocks[0].child_page.title, blocks[1].child_database.title], ["Inner", "Board"]);
});

test("a block that is no block is refused", async () => {
  const { id } = await sheet();
  const error = await refusal(() => notion.blocks.children.append({ block_id: id, children: [{ nonsense: {} }] }));
  assert.deepEqual([error.status, error.code], [400, "validation_error"]);
});

test("a comment is written, read, listed, answered, changed and deleted", async () => {
  const { id } = await sheet();
  const comment = await notion.comments.create({ parent: { page_id: id }, rich_text: text("Too long?") });
  assert.ok(isFullComment(comment));
  assert.deepEqual([comment.parent.page_id, comment.display_name.type], [id, "integration"]);
  await editor.comments.create({ discussion_id: comment.discussion_id, rich_text: text("No.") });
  const { results } = await notion.comments.list({ block_id: id });
  assert.deepEqual(results.map((one) => plain(one.rich_text)), ["Too long?", "No."]);
  assert.ok(results.every((one) => one.discussion_id === comment.discussion_id));
  const comment_id = comment.id;
  assert.equal(plain((await notion.comments.update({ comment_id, rich_text: text("Short.") })).rich_text), "Short.");
  assert.equal((await notion.comments.retrieve({ comment_id })).id, comment_id);
  await notion.comments.delete({ comment_id });
  assert.equal((await refusal(() => notion.comments.retrieve({ comment_id }))).code, "object_not_found");
});

test("every user of the workspace is listed, and found by id", async () => {
  const users = await collectPaginatedAPI(notion.users.list, { page_size: 1 });
  assert.ok(users.every(isFullUser));
  assert.deepEqual(users.map(({ type }) => type).sort(), ["bot", "person"]);
  const person = users.find(({ type }) => type === "person");
  assert.deepEqual((await notion.users.retrieve({ user_id: person.id })).name, person.name);
});

test("a search finds pages and data sources by title, and only the kind it is asked for", async () => {
  const { source } = await board("Lighthouses of Frisia");
  const page = await titled(source, "The lighthouses nobody lit");
  const ids = async (filter) => (await notion.search({ query: "LIGHTHOUSES", filter })).results.map(({ id }) => id);
  assert.deepEqual((await ids()).sort(), [page.id, source.id].sort());
  assert.deepEqual(await ids({ property: "object", value: "page" }), [page.id]);
  assert.deepEqual(await ids({ property: "object", value: "data_source" }), [source.id]);
  const { results } = await notion.search({ query: "lighthouses" });
  assert.ok(results.every((found) => isFullPage(found) || isFullDataSource(found)));
});

test("a search is read in pieces and forgets what is in the trash", async () => {
  const { source } = await board("Unnamed");
  for (const number of [1, 2, 3]) await titled(source, `Zeppelin ${number}`);
  const deleted = await titled(source, "Zeppelin 4");
  await notion.pages.update({ page_id: deleted.id, in_trash: true });
  const found = await collectPaginatedAPI(notion.search, { query: "zeppelin", page_size: 2 });
  assert.equal(found.length, 3);
});

test("a search for databases is refused since data sources exist", async () => {
  const error = await refusal(() => notion.search({ filter: { property: "object", value: "database" } }));
  assert.deepEqual([error.status, error.code], [400, "validation_error"]);
});

test("a file is sent, attached and read back", async () => {
  const { id: file_upload_id } = await notion.fileUploads.create({ filename: "notes.txt" });
  const data = new Blob(["hello"], { type: "text/plain" });
  const sent = await notion.fileUploads.send({ file_upload_id, file: { filename: "notes.txt", data } });
  assert.deepEqual([sent.status, sent.content_length], ["uploaded", 5]);
  const { id } = await sheet();
  const children = [{ file: { type: "file_upload", file_upload: { id: file_upload_id } } }];
  const { results } = await notion.blocks.children.append({ block_id: id, children });
  assert.equal(await (await fetch(results[0].file.file.url)).text(), "hello");
  assert.equal((await notion.fileUploads.retrieve({ file_upload_id })).expiry_time, null);
});
