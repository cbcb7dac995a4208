/** Rerank at the gateway's own address: a request for a model, with policies, counting and guards of its own. */
import { afterEach, expect, test } from "vitest";
import { type FakeUpstream, fakeUpstream, openAccess, type Script, type TestGateway, testGateway } from "../fakes.ts";

const ranks: Script = ({ body }, response) => {
  const documents = (body.documents ?? body.texts) as unknown[];
  response.setHeader("content-type", "application/json");
  const results = documents.map((_, index) => ({ index, relevance_score: 1 - index / 10 }));
  response.end(JSON.stringify({ id: "r", results, usage: { prompt_tokens: 7, total_tokens: 7 } }));
};

let upstream: FakeUpstream;
let gateway: TestGateway | undefined;
afterEach(async () => {
  await gateway?.close();
  await upstream.close();
});

const body = { model: "order", query: "rain", documents: ["It pours.", { text: "A cat sleeps." }] };

test("a rerank goes to a server of the model under the name that it has there, and is charged as its server counts", async () => {
  upstream = await fakeUpstream(ranks);
  gateway = await testGateway({
    upstreams: { local: { url: upstream.url } },
    models: { order: { targets: [{ upstream: "local", model: "minilm" }] } },
  });
  for (const path of ["/v1/rerank", "/rerank"]) {
    const response = await gateway.post(path, body);
    expect([path, response.status, ((await response.json()) as { results: unknown[] }).results.length]).toEqual([path, 200, 2]);
  }
  expect(upstream.received.map(r => [r.path, r.body.model])).toEqual([
    ["/v1/rerank", "minilm"],
    ["/v1/rerank", "minilm"],
  ]);
  expect(gateway.records.map(r => r.inputTokens)).toEqual([7, 7]);
});

test("a rerank in the form of Text Embeddings Inference has a list for its answer", async () => {
  upstream = await fakeUpstream((_, response) => {
    response.setHeader("content-type", "application/json");
    response.end('[{"index":1,"score":0.9},{"index":0,"score":0.1}]');
  });
  gateway = await testGateway({
    upstreams: { local: { url: upstream.url } },
    models: { order: { targets: [{ upstream: "local" }] } },
  });
  const response = await gateway.post("/rerank", { model: "order", query: "rain", texts: ["A cat sleeps.", "It pours."] });
  expect([response.status, await response.json()]).toEqual([
    200,
    [
      { index: 1, score: 0.9 },
      { index: 0, score: 0.1 },
    ],
  ]);
  expect(upstream.received[0]!.body).toMatchObject({ texts: ["A cat sleeps.", "It pours."] });
});

test("policies know it as the endpoint rerank", async () => {
  upstream = await fakeUpstream(ranks);
  gateway = await testGateway(
    {
      upstreams: { local: { url: upstream.url } },
      models: { order: { targets: [{ upstream: "local" }] } },
    },
    {
      access: {
        ...openAccess,
        policies: [
          { id: "all", effect: "allow" },
          { id: "no", effect: "deny", endpoints: ["rerank"] },
        ],
      },
    },
  );
  expect((await gateway.post("/v1/rerank", body)).status).toBe(403);
  expect(upstream.received).toEqual([]);
});

test("a pass-through route of the very address is an error of the configuration that says what to do", async () => {
  upstream = await fakeUpstream(ranks);
  await expect(
    testGateway({
      upstreams: { local: { url: upstream.url } },
      models: { order: { targets: [{ upstream: "local" }] } },
      passThrough: { "/v1/rerank": { upstream: "local" } },
    }),
  ).rejects.toThrow(/passThrough\.\/v1\/rerank: expected an address that the gateway does not answer itself.*under models/);
});
