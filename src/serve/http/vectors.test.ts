/** Vectors and likeness in the forms that clients of vLLM, Cohere, Jina and Text Embeddings Inference ask for. */
import { afterAll, expect, test } from "vitest";
import { openDevice } from "../../tensor/index.ts";
import { chatTemplate as chatTemplateOf } from "../../text/index.ts";
import { createEmbeddingEngine } from "../embedding/embedding-engine.ts";
import { createApp } from "./app.ts";
import { tinyEncoder } from "./fakes.ts";

const device = openDevice("cpu", { threads: 1 });
const model = "tiny-encoder@1";
const encoder = createEmbeddingEngine({ model: await tinyEncoder(device), device });
await encoder.ready;
const app = createApp({ engines: [], encoders: [encoder], version: "1.2.3" });
afterAll(async () => {
  await encoder.close();
  app.close();
});

const send = (path: string, body: object): Promise<Response> =>
  Promise.resolve(
    app.fetch(
      new Request(`http://127.0.0.1${path}`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ model, ...body }),
      }),
    ),
  );
/** What the answers of these addresses have. */
interface Reply {
  readonly data: readonly { readonly embedding: unknown; readonly data: readonly number[]; readonly score: number }[];
  readonly embeddings: {
    readonly float: readonly (readonly number[])[];
    readonly base64: readonly string[];
    readonly ubinary: readonly (readonly number[])[];
  };
  readonly results: readonly { readonly document?: { readonly text: string } }[];
  readonly usage: { readonly prompt_tokens: number };
}
const json = async (path: string, body: object): Promise<Reply> => (await (await send(path, body)).json()) as Reply;
const vector = async (body: object): Promise<number[]> => (await json("/v1/embeddings", body)).data[0]!.embedding as number[];
const refusal = async (path: string, body: object): Promise<unknown> => {
  const response = await send(path, body);
  const { error } = (await response.json()) as { error: { param: string; message: string } };
  return [response.status, error.param, error.message];
};

test("base64 and bytes hold the vectors in the type and order that are asked for", async () => {
  const input = ["a cat", "a dog"];
  const whole = (await json("/v1/embeddings", { input })).data.map(d => d.embedding as number[]);
  const base64 = await json("/v1/embeddings", { input, encoding_format: "base64", embed_dtype: "float16", endianness: "big" });
  const packed = Buffer.from(base64.data[1]!.embedding as string, "base64");
  expect(packed.length).toBe(2 * whole[1]!.length);
  // the exponent's bits of a number below 1 stand in the first byte
  expect(packed.readUInt8(0) & 0x7f).toBeLessThan(0x3c);
  const bytes = await send("/v1/embeddings", { input, encoding_format: "bytes", endianness: "little" });
  const told = JSON.parse(bytes.headers.get("metadata")!) as { data: { start: number; end: number; shape: number[] }[] };
  const content = Buffer.from(await bytes.arrayBuffer());
  for (const [i, { start, end, shape }] of told.data.entries())
    expect(Array.from({ length: shape[0]! }, (_, k) => content.subarray(start, end).readFloatLE(4 * k))).toEqual(whole[i]);
  const only = await send("/v1/embeddings", { input, encoding_format: "bytes_only", embed_dtype: "fp8_e5m2" });
  expect([only.headers.get("metadata"), (await only.arrayBuffer()).byteLength]).toEqual([null, 2 * whole[0]!.length]);
});

test("an input is a text however it is written", async () => {
  const whole = await vector({ input: "a cat" });
  expect(await vector({ input: { prompt_string: "a cat" } })).toEqual(whole);
  expect(
    await vector({
      input: {
        content: [
          { type: "text", text: "a " },
          { type: "text", text: "cat" },
        ],
      },
    }),
  ).toEqual(whole);
  expect(await vector({ input: [97, " c", 97, "t"] })).toEqual(await vector({ input: [..."a cat"].map(c => c.charCodeAt(0)) }));
  expect((await json("/v1/embeddings", { input: ["a", [97, "b"], { prompt_string: "c" }] })).data.length).toBe(3);
});

test("truncate_prompt_tokens cuts at the end, or at the start where the left side goes", async () => {
  const input = "abcdefgh";
  const cut = await json("/v1/embeddings", { input, truncate_prompt_tokens: 3 });
  expect(cut.usage.prompt_tokens).toBe(3);
  expect(cut.data[0]!.embedding).toEqual(await vector({ input: "abc" }));
  expect(await vector({ input, truncate_prompt_tokens: 3, truncation_side: "left" })).toEqual(await vector({ input: "fgh" }));
  expect((await json("/v1/embeddings", { input: "a".repeat(500), truncate_prompt_tokens: -1 })).usage.prompt_tokens).toBe(96);
  expect(await refusal("/v1/embeddings", { input, truncate_prompt_tokens: 97 })).toEqual([
    400,
    "truncate_prompt_tokens",
    expect.stringMatching(/at most 96 tokens.*got 97.*smaller truncation size/),
  ]);
  expect(await refusal("/v1/embeddings", { input, truncate_prompt_tokens: 0 })).toEqual([400, "truncate_prompt_tokens", expect.anything()]);
});

test("normalize: false gives a vector as it was before the model scales it to length 1", async () => {
  expect(await vector({ input: "a", normalize: true })).toEqual(await vector({ input: "a" }));
  // as the model gives them before they are scaled
  for (const field of ["normalize", "use_activation"]) {
    const [scaled, plain] = [await vector({ input: "a cat" }), await vector({ input: "a cat", [field]: false })];
    const length = Math.hypot(...plain);
    expect(Math.abs(length - 1)).toBeGreaterThan(1e-3);
    for (const [i, x] of plain.entries()) expect(x / length).toBeCloseTo(scaled[i]!, 6);
  }
});

test("messages are embedded as the operator's template writes them, and refused without one", async () => {
  const chatTemplate = chatTemplateOf(
    "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}{% if add_generation_prompt %}ai:{% endif %}",
  );
  const chats = createEmbeddingEngine({ model: await tinyEncoder(device, { chatTemplate }), device });
  await chats.ready;
  const own = createApp({ engines: [], encoders: [chats] });
  const ask = async (path: string, body: object): Promise<Reply> => {
    const headers = { "content-type": "application/json" };
    return (await (
      await own.fetch(new Request(`http://127.0.0.1${path}`, { method: "POST", headers, body: JSON.stringify({ model, ...body }) }))
    ).json()) as Reply;
  };
  const messages = [{ role: "user", content: "a cat" }];
  const written = await vector({ input: "user: a cat\n", add_special_tokens: false });
  expect((await ask("/v1/embeddings", { messages })).data[0]!.embedding).toEqual(written);
  expect((await ask("/invocations", { messages })).data[0]!.embedding).toEqual(written);
  expect((await ask("/v1/embeddings", { messages, add_generation_prompt: true })).data[0]!.embedding).toEqual(
    await vector({ input: "user: a cat\nai:", add_special_tokens: false }),
  );
  expect(await refusal("/v1/embeddings", { messages })).toEqual([400, "messages", expect.stringMatching(/--chat-template/)]);
  expect(await refusal("/v1/embeddings", { messages, input: "a" })).toEqual([400, "messages", expect.stringMatching(/both/)]);
  expect(await refusal("/v1/embeddings", {})).toEqual([400, "input", expect.anything()]);
  await chats.close();
  own.close();
});

test("Cohere's embed says the same vectors in its own form, and cuts where it is told", async () => {
  const found = await json("/v2/embed", {
    texts: ["a cat", "a dog"],
    embedding_types: ["float", "ubinary", "base64"],
    input_type: "search_query",
  });
  const whole = await vector({ input: "a cat" });
  expect(found.embeddings.float[0]).toEqual(whole);
  expect(Buffer.from(found.embeddings.base64[0]!, "base64").readFloatLE(0)).toBe(whole[0]);
  expect(found.embeddings.ubinary[0]!.length).toBe(whole.length / 8);
  expect(found).toMatchObject({ texts: ["a cat", "a dog"], meta: { api_version: { version: "2" }, billed_units: { input_tokens: 10 } } });
  const long = "a".repeat(200) + "b".repeat(200);
  const [end, start] = await Promise.all(
    ["END", "START"].map(async truncate => (await json("/v2/embed", { texts: [long], truncate })).embeddings.float[0]!),
  );
  expect(start).not.toEqual(end);
  expect(end).toEqual(await vector({ input: "a".repeat(96) }));
  expect((await send("/v2/embed", { texts: [long], truncate: "NONE" })).status).toBe(400);
  expect(await refusal("/v2/embed", {})).toEqual([400, "texts", expect.anything()]);
  expect(await refusal("/v2/embed", { texts: ["a"], input_type: "poetry" })).toEqual([
    400,
    "input_type",
    expect.stringMatching(/search_query/),
  ]);
  expect(await refusal("/v2/embed", { images: ["data:"] })).toEqual([400, "images", expect.anything()]);
});

test("rerank answers a body with texts as TEI does: a list, scores from 0 to 1 unless raw ones are asked for", async () => {
  const body = { query: "a cat", texts: ["zzzz", "a cat", "12"] };
  const list = (await json("/rerank", { ...body, return_text: true })) as unknown as { index: number; score: number; text: string }[];
  expect(list.map(r => r.score)).toEqual(list.map(r => r.score).toSorted((a, b) => b - a));
  expect(list[0]).toMatchObject({ index: 1, text: "a cat" });
  const raw = (await json("/rerank", { ...body, raw_scores: true })) as unknown as { score: number; text?: string }[];
  expect(raw.map(r => (1 + r.score) / 2)).toEqual(list.map(r => r.score));
  expect(raw[0]).not.toHaveProperty("text");
});

test("rerank gives documents back unless it is told not to, but for Cohere's second version", async () => {
  const body = { query: "a cat", documents: ["a cat", { text: "a dog" }] };
  const documents = async (path: string, more = {}) => (await json(path, { ...body, ...more })).results.map(r => r.document?.text);
  expect(await documents("/v1/rerank")).toEqual(["a cat", "a dog"]);
  expect(await documents("/rerank", { return_documents: false })).toEqual([undefined, undefined]);
  expect(await documents("/v2/rerank")).toEqual([undefined, undefined]);
});

test("score compares one text with many, and pairs, under every name of the sides", async () => {
  const many = await json("/score", { queries: "a cat", documents: ["a cat", "a dog"] });
  const scores = (found: Reply) => found.data.map(d => d.score);
  expect(scores(many)[0]).toBeCloseTo(1, 5);
  const pairs = await json("/v1/score", { text_1: ["a cat", "a dog"], text_2: ["a cat", "a cat"] });
  expect(scores(pairs)[1]).toBeCloseTo(scores(many)[1], 5);
  expect(await refusal("/score", { queries: ["a", "b"], documents: ["a"] })).toEqual([400, "documents", expect.stringMatching(/as many/)]);
  expect(await refusal("/score", { queries: "a" })).toEqual([400, "documents", expect.anything()]);
  expect((await json("/pooling", { input: "a cat" })).data[0]!.data).toEqual(await vector({ input: "a cat" }));
  // in vLLM's form, which has the status for a code
  const other = await send("/pooling", { input: "a", task: "classify" });
  expect([other.status, await other.json()]).toEqual([
    400,
    { error: { message: expect.stringMatching(/^Unsupported task: 'classify'/), type: "BadRequestError", param: null, code: 400 } },
  ]);
});

test("a query that is too long is refused, not cut in silence; documents are cut", async () => {
  const [query, documents] = ["a".repeat(200), ["b".repeat(200), "c"]];
  expect((await send("/v1/rerank", { query: "a", documents })).status).toBe(200);
  for (const path of ["/v1/rerank", "/v2/rerank"])
    expect(await refusal(path, { query, documents })).toEqual([400, null, expect.stringContaining("too large")]);
  for (const how of [{ truncate: true }, { truncate_prompt_tokens: 20 }])
    expect((await send("/v1/rerank", { query, documents, ...how })).status).toBe(200);
});

test("dimensions are those that a model's files name, where they name any", async () => {
  const trained = createEmbeddingEngine({ model: await tinyEncoder(device, { matryoshka: [16, 8] }), device });
  await trained.ready;
  const own = createApp({ engines: [], encoders: [trained] });
  const asked = async (dimensions: number) => {
    const body = JSON.stringify({ model, input: "a", dimensions });
    const response = await own.fetch(
      new Request("http://127.0.0.1/v1/embeddings", { method: "POST", headers: { "content-type": "application/json" }, body }),
    );
    const told = (await response.json()) as Partial<Reply> & { error?: { param: string } };
    return response.ok ? (told.data![0]!.embedding as number[]).length : told.error!.param;
  };
  for (const dimensions of [8, 16, 32]) expect(await asked(dimensions)).toBe(dimensions);
  for (const dimensions of [5, 31, 33]) expect(await asked(dimensions)).toBe("dimensions");
  expect((await vector({ input: "a", dimensions: 5 })).length).toBe(5);
  await trained.close();
  own.close();
});

test("embeddings, rerank and score without a model were 400 where one model is served", async () => {
  const bodies: [string, object][] = [
    ["/v1/embeddings", { input: "a cat" }],
    ["/pooling", { input: "a cat" }],
    ["/v2/embed", { texts: ["a cat"], input_type: "search_query", embedding_types: ["float"] }],
    ["/v1/rerank", { query: "cat", documents: ["a cat"] }],
    ["/v1/rerank", { query: "cat", texts: ["a cat"] }],
    ["/v2/rerank", { query: "cat", documents: ["a cat"] }],
    ["/v1/score", { text_1: "cat", text_2: "a cat" }],
  ];
  for (const [path, body] of bodies) expect([path, (await send(path, { ...body, model: undefined })).status]).toEqual([path, 200]);
});
