// Errors, retries, time-outs and webhooks, as the official SDK types them.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { afterEach, test } from "node:test";
import {
  APIErrorCode,
  APIResponseError,
  ClientErrorCode,
  isHTTPResponseError,
  isNotionClientError,
  RequestTimeoutError,
  UnknownHTTPResponseError,
  verifyWebhookSignature,
} from "@notionhq/client";
import { board, calm, client, fault, notion, refusal, requests, titled, url } from "./stage.mjs";

afterEach(calm);

const me = (by) => () => by.users.me({});
const impatient = client({ retry: false });
const quick = client({ retry: { maxRetries: 2, initialRetryDelayMs: 1, maxRetryDelayMs: 5 } });

test("a wrong token is unauthorized", async () => {
  const error = await refusal(me(client({ auth: "ntn_wrong" })));
  assert.ok(isNotionClientError(error) && APIResponseError.isAPIResponseError(error));
  assert.deepEqual([error.code, error.status], [APIErrorCode.Unauthorized, 401]);
});

test("what is not there is object_not_found, with the request's id and the connection's", async () => {
  const error = await refusal(() => notion.pages.retrieve({ page_id: "00000000-0000-4000-8000-000000000000" }));
  assert.deepEqual([error.code, error.status], [APIErrorCode.ObjectNotFound, 404]);
  assert.match(error.message, /Could not find page with ID: 00000000-0000-4000-8000-000000000000/);
  assert.match(error.request_id, /^[0-9a-f-]{36}$/);
  assert.ok(error.additional_data.integration_id);
  assert.equal(JSON.parse(error.body).request_id, error.request_id);
});

test("a path that is no id is a validation error", async () => {
  const error = await refusal(() => notion.pages.retrieve({ page_id: "not-an-id" }));
  assert.deepEqual([error.code, error.status], [APIErrorCode.ValidationError, 400]);
});

test("a path that leads elsewhere never leaves the client", async () => {
  const before = await requests();
  const error = await refusal(() => notion.pages.retrieve({ page_id: "../users" }));
  assert.equal(error.code, ClientErrorCode.InvalidPathParameter);
  assert.equal(await requests(), before);
});

test("an unknown path is an invalid request url", async () => {
  const error = await refusal(() => notion.request({ path: "nowhere", method: "get" }));
  assert.deepEqual([error.code, error.status], [APIErrorCode.InvalidRequestURL, 400]);
});

test("what the sandbox lacks is an unknown response that says so", async () => {
  const { source } = await board();
  const page = await titled(source, "a");
  const error = await refusal(() => notion.pages.retrieveMarkdown({ page_id: page.id }));
  assert.ok(isHTTPResponseError(error) && UnknownHTTPResponseError.isUnknownHTTPResponseError(error));
  assert.equal(error.status, 501);
});

for (const [status, code] of [
  [403, APIErrorCode.RestrictedResource],
  [409, APIErrorCode.ConflictError],
  [429, APIErrorCode.RateLimited],
  [500, APIErrorCode.InternalServerError],
  [503, APIErrorCode.ServiceUnavailable],
  [504, APIErrorCode.GatewayTimeout],
  [529, APIErrorCode.ServiceOverload],
]) {
  test(`a ${status} is ${code}`, async () => {
    await fault({ status });
    const error = await refusal(me(impatient));
    assert.deepEqual([error.code, error.status], [code, status]);
  });
}

test("a proxy's HTML page is an unknown response", async () => {
  await fault({ status: 502, html: true });
  const error = await refusal(me(impatient));
  assert.deepEqual([error.code, error.status], [ClientErrorCode.ResponseError, 502]);
});

test("two rate limits are ridden through, three are not", async () => {
  await fault({ status: 429, times: 2 });
  assert.equal((await quick.users.me({})).object, "user");
  await fault({ status: 429, times: 3 });
  assert.equal((await refusal(me(quick))).code, APIErrorCode.RateLimited);
});

test("the Retry-After header is read and reported", async () => {
  await fault({ status: 429, retry_after: 0 });
  assert.equal((await quick.users.me({})).object, "user");
  await fault({ status: 429, retry_after: 7 });
  const error = await refusal(me(impatient));
  assert.equal(error.headers.get("retry-after"), "7");
  assert.equal(error.additional_data.retry_after, "7");
});

test("a read is repeated after a 503, a write is not", async () => {
  const { source } = await board();
  await fault({ status: 503 });
  assert.equal((await quick.users.me({})).object, "user");
  await fault({ status: 503, method: "POST", times: null });
  const before = await requests();
  const error = await refusal(() => quick.search({ query: "x" }));
  assert.deepEqual([error.code, (await requests()) - before], [APIErrorCode.ServiceUnavailable, 1]);
  assert.ok(source.id);
});

test("a write that was saved all the same names the page", async () => {
  const { source } = await board();
  await fault({ status: 503, saved: true, method: "POST", path: "/v1/pages" });
  const error = await refusal(() => titled(source, "saved", {}));
  const { results } = await notion.dataSources.query({ data_source_id: source.id });
  assert.equal(error.additional_data.committed_resource_id, results[0].id);
});

test("an answer that does not come is a time-out", async () => {
  await fault({ delay_ms: 1_000 });
  const error = await refusal(me(client({ timeoutMs: 50, retry: false })));
  assert.ok(RequestTimeoutError.isRequestTimeoutError(error));
  assert.equal(error.code, ClientErrorCode.RequestTimeout);
});

test("a connection that is closed is no error of Notion's", async () => {
  await fault({ drop: "before" });
  assert.equal(isNotionClientError(await refusal(me(impatient))), false);
});

test("webhooks are signed so that the SDK believes them, and only with the right token", async () => {
  const taken = [];
  const receiver = createServer(async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    taken.push({ body: Buffer.concat(chunks).toString(), signature: request.headers["x-notion-signature"] });
    response.end();
    receiver.emit("taken");
  });
  receiver.listen(0, "127.0.0.1");
  await once(receiver, "listening");
  const point = (body) =>
    fetch(`${url}/sandbox/webhook`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
  try {
    await point({ url: `http://127.0.0.1:${receiver.address().port}/`, secret: "secret_of_the_test" });
    const { source } = await board();
    const page = await titled(source, "signed");
    const found = () => taken.find(({ body }) => JSON.parse(body).entity?.id === page.id);
    while (!found()) await once(receiver, "taken", { signal: AbortSignal.timeout(10_000) });
    const { body, signature } = found();
    assert.equal(JSON.parse(body).type, "page.created");
    assert.equal(await verifyWebhookSignature({ body, signature, verificationToken: "secret_of_the_test" }), true);
    assert.equal(await verifyWebhookSignature({ body, signature, verificationToken: "another" }), false);
  } finally {
    await point({ url: null });
    receiver.closeAllConnections();
    receiver.close();
  }
});
