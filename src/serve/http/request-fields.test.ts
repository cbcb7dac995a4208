/** The register of fields, walked: what it says of each field of each request is what the server does with it. */
import { readFileSync } from "node:fs";
import { afterAll, expect, test } from "vitest";
import { fieldsPage, fieldsSummary } from "../../../scripts/parts/request-fields.js";
import { bertConfig, encoderSpec, initialise } from "../../nn/index.ts";
import { type FieldRow, type FieldTable, isRow, type Row, requestFields } from "../../protocols/index.ts";
import { openDevice } from "../../tensor/index.ts";
import { createEmbeddingEngine } from "../embedding/embedding-engine.ts";
import { servedEncoder } from "../embedding/served-encoder.ts";
import { createEngine } from "../engine.ts";
import { byteTokenizer, scriptedProgram, tinyModel } from "../fakes.ts";
import { createApp } from "./app.ts";
import { memoryFeedback, tinyEncoder } from "./fakes.ts";

const device = openDevice("cpu", { threads: 1 });
const engine = createEngine({
  model: await tinyModel(device),
  device,
  open: async () => scriptedProgram({ slots: 4, room: 192, widths: [64] }),
});
const encoder = createEmbeddingEngine({ model: await tinyEncoder(device, { id: "vectors@1", aliases: ["vectors"] }), device });
/** Decides about "threat" by the group of a text. */
const groupThresholds = {
  attribute: "club",
  label: "threat",
  goal: "demographicParity",
  bound: 0.05,
  groups: [{ group: "chess", at: 0.5 }],
};
const judgeConfig = {
  ...bertConfig({ vocab: 257, width: 32, layers: 1, heads: 2, context: 96 }),
  classifier: { labels: ["none", "threat"], kind: "one", groupThresholds },
} as const;
const judged = { family: "encoder", config: judgeConfig, parameters: await initialise(encoderSpec(judgeConfig), device, "judge") } as const;
const judge = createEmbeddingEngine({
  model: { ...servedEncoder({ id: "judge@1", model: judged, tokenizer: byteTokenizer, fingerprint: "2".repeat(64) }), aliases: ["judge"] },
  device,
});
await Promise.all([engine.ready, encoder.ready, judge.ready]);
const failures: unknown[] = [];
const feedback = memoryFeedback(0);
const app = createApp({
  engines: [engine],
  encoders: [encoder, judge],
  admin: true,
  feedback,
  responses: feedback,
  onFailure: e => failures.push(e),
});
afterAll(async () => {
  await engine.close();
  await encoder.close();
  await judge.close();
  expect(failures).toEqual([]);
});

// the request that feedback is on, which has a label of its source already
await app.fetch(
  new Request("http://127.0.0.1/v1/completions", {
    method: "POST",
    headers: { "content-type": "application/json", "x-request-id": "r1" },
    body: JSON.stringify({ model: "tiny", prompt: "a", max_tokens: 1 }),
  }),
);
await feedback.give(null, { requestId: "r1", source: "s", score: 1, label: null, confidence: 1, index: 0 });

interface Sent {
  readonly path: string;
  readonly body: Row;
}
/** What a field of an object needs beside it, by the beginning of its place; the first that fits. */
const beside: readonly (readonly [string, Row])[] = [
  ["stream_options.", { stream: true }],
  ["response_format.json_schema", { response_format: { type: "json_schema", json_schema: { name: "answer" } } }],
  ["thinking.", { thinking: { type: "enabled" } }],
  ["response_format.", { response_format: { type: "json_object" } }],
];
const user = [{ role: "user", content: "a" }];
/** A request of each kind that is answered with 200. */
const sent: { readonly [K in keyof typeof requestFields]?: Sent } = {
  chat: { path: "/v1/chat/completions", body: { model: "tiny", messages: user, max_tokens: 2 } },
  completions: { path: "/v1/completions", body: { model: "tiny", prompt: "a", max_tokens: 2 } },
  responses: { path: "/v1/responses", body: { model: "tiny", input: "a", max_output_tokens: 2 } },
  embeddings: { path: "/v1/embeddings", body: { model: "vectors", input: "a" } },
  moderations: { path: "/v1/moderations", body: { model: "judge", input: "a" } },
  rerank: { path: "/v1/rerank", body: { model: "vectors", query: "a", documents: ["b"] } },
  pooling: { path: "/pooling", body: { model: "vectors", input: "a" } },
  cohereEmbed: { path: "/v2/embed", body: { model: "vectors", texts: ["a"] } },
  teiRerank: { path: "/v1/rerank", body: { model: "vectors", query: "a", texts: ["b"] } },
  compare: { path: "/v1/score", body: { model: "vectors", queries: "a", documents: ["b"] } },
  score: { path: "/v1/score", body: { model: "tiny", input: "ab" } },
  feedback: { path: "/v1/feedback", body: { request_id: "r1", source: "s", score: 1 } },
  tokenize: { path: "/tokenize", body: { model: "tiny", prompt: "a" } },
  detokenize: { path: "/detokenize", body: { model: "tiny", tokens: [97] } },
  messages: { path: "/v1/messages", body: { model: "tiny", messages: user, max_tokens: 2 } },
  countTokens: { path: "/v1/messages/count_tokens", body: { model: "tiny", messages: user } },
  ollamaGenerate: { path: "/api/generate", body: { model: "tiny", prompt: "a", stream: false, options: { num_predict: 2 } } },
  ollamaChat: { path: "/api/chat", body: { model: "tiny", messages: user, stream: false, options: { num_predict: 2 } } },
  ollamaEmbed: { path: "/api/embed", body: { model: "vectors", input: "a" } },
  ollamaEmbeddings: { path: "/api/embeddings", body: { model: "vectors", prompt: "a" } },
  nativeCompletion: { path: "/completion", body: { model: "tiny", prompt: "a", n_predict: 2 } },
  nativeEmbedding: { path: "/embedding", body: { model: "vectors", content: "a" } },
  nativeTokenize: { path: "/tokenize", body: { model: "tiny", content: "a" } },
  tgi: { path: "/invocations", body: { model: "tiny", inputs: "a", parameters: { max_new_tokens: 2 } } },
  infer: {
    path: "/v2/models/tiny/infer",
    body: { inputs: [{ name: "text", shape: [1], datatype: "BYTES", data: ["a"] }], parameters: { max_tokens: 2 } },
  },
  generate: { path: "/v2/models/tiny/generate", body: { text_input: "a", parameters: { max_tokens: 2 } } },
};

const post = (path: string, body: unknown) =>
  app.fetch(
    new Request(`http://127.0.0.1${path}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    }),
  );

/** The body with a value at a place. */
function placed(body: Row, place: readonly string[], value: unknown): Row {
  const [name, ...rest] = place;
  const needed = beside.find(([start]) => place.join(".").startsWith(start))?.[1];
  const whole = { ...body, ...needed };
  return { ...whole, [name!]: rest.length === 0 ? value : placed(isRow(whole[name!]) ? (whole[name!] as Row) : {}, rest, value) };
}

interface Cell {
  readonly kind: keyof typeof requestFields;
  readonly place: readonly string[];
  readonly field: FieldRow;
}
const cellsOf = (kind: Cell["kind"], table: FieldTable, above: readonly string[] = []): Cell[] =>
  Object.entries(table).flatMap(([name, field]) => [
    { kind, place: [...above, name], field },
    ...(field.within ? cellsOf(kind, field.within, [...above, name]) : []),
  ]);
const cells = (Object.keys(requestFields) as Cell["kind"][]).flatMap(kind => cellsOf(kind, requestFields[kind].fields));
const withKind = <K extends FieldRow["kind"]>(kind: K) =>
  cells.filter(
    (c): c is Cell & { readonly field: Extract<FieldRow, { readonly kind: K }> } => c.field.kind === kind && sent[c.kind] !== undefined,
  );
const ask = (c: Cell, value: unknown) => {
  const { path, body } = sent[c.kind]!;
  return post(path, placed(body, c.place, value));
};
const named = (c: Cell) => `${c.kind} ${c.place.join(".")}`;

/** Values of which one asks for what a refused field is about. */
const asking = [
  ...[true, 2, "some", ["audio"], { some: 1 }, false, 0, ["message.output_text.logprobs"], { effort: "high" }, { type: "enabled" }],
] as const;

test("requests of the register are answered as they are", async () => {
  for (const [kind, { path, body }] of Object.entries(sent)) {
    const response = await post(path, body);
    expect([kind, response.status, response.headers.get("x-loam-ignored")]).toEqual([kind, 200, null]);
  }
});

test("each refused field is a 400 that names it and says what to do", async () => {
  const found = withKind("refused");
  expect(found.length).toBeGreaterThan(150);
  for (const c of found) {
    const value = asking.find(c.field.asks);
    expect(value, named(c)).toBeDefined();
    const response = await ask(c, value);
    const text = await response.text();
    expect([named(c), response.status]).toEqual([named(c), c.kind === "generate" ? 422 : 400]);
    expect(JSON.stringify(JSON.parse(text))).toContain(c.place.join("."));
    expect(text).toContain(JSON.stringify(c.field.instead).slice(1, -1));
  }
});

test("each harmless field is taken, and named in x-loam-ignored", async () => {
  const found = withKind("harmless");
  expect(found.length).toBeGreaterThan(80);
  for (const c of found) {
    const response = await ask(c, "some");
    expect([named(c), response.status, response.headers.get("x-loam-ignored")]).toEqual([named(c), 200, c.place.join(".")]);
  }
});

/** Fields that are read, and whose values are not checked where the request is: the translation to a chat, and what keeps models in memory. */
const notChecked = [
  ...["messages", "countTokens"].flatMap(k => ["tool_choice", "output_config", "output_config.format"].map(f => `${k} ${f}`)),
  "messages stop_sequences",
  // of text-embeddings-inference's body, which has texts in place of documents
];
/** Values of which one is wrong for any field that somebody reads. */
const wrong = [{ some: {} }, [[[{}]]], "\u0000some", -1.5, 1e300, true, ""] as const;

test("each field that is done is checked: a value of the wrong type is a 400 that names it", async () => {
  const found = withKind("done");
  expect(found.length).toBeGreaterThan(150);
  const unchecked: string[] = [];
  for (const c of found) {
    let isChecked = false;
    for (const value of wrong) {
      const response = await ask(c, value);
      expect(response.status, named(c)).toBeLessThan(500);
      const text = await response.text();
      if (response.status >= 400 && text.includes(c.place.at(-1)!)) isChecked = true;
      if (isChecked) break;
    }
    if (!isChecked) unchecked.push(named(c));
  }
  expect(unchecked.sort()).toEqual(notChecked.sort());
});

test("a misspelt name is refused with the right one, another unknown name is taken and named", async () => {
  const { path, body } = sent.completions!;
  const error = async (more: Row) => {
    const response = await post(path, { ...body, ...more });
    return [response.status, ((await response.json()) as { error: { param: string; code: string; message: string } }).error] as const;
  };
  const [status, told] = await error({ temprature: 0 });
  expect([status, told.param, told.code]).toEqual([400, "temprature", "unknown_parameter"]);
  expect(told.message).toContain('Did you mean "temperature"?');
  expect((await error({ maxTokens: 5 }))[1].message).toContain('"max_tokens"');
  expect((await error({ stream: true, stream_options: { include_usge: true } }))[1].param).toBe("stream_options.include_usge");
  expect((await error({ structured_outputs: { wholly_other: 1 } }))[1].param).toBe("structured_outputs.wholly_other");
  const taken = await post(path, { ...body, some_other_thing: 1, __proto__x: 2, constructor: 3, "bad\r\nname": 4 });
  expect([taken.status, taken.headers.get("x-loam-ignored")]).toEqual([200, "some_other_thing, __proto__x, constructor, bad??name"]);
});

test("streams name what was ignored, and null asks for nothing", async () => {
  const { path, body } = sent.completions!;
  const stream = await post(path, { ...body, stream: true, user: "me", seed: null, suffix: null, metadata: null });
  expect([stream.status, stream.headers.get("x-loam-ignored")]).toEqual([200, "user, metadata"]);
  await stream.text();
});

test("thousands of unknown names cost little and are listed in part", async () => {
  const many = Object.fromEntries(Array.from({ length: 5000 }, (_, i) => [`some_name_${i}_${"x".repeat(20)}`, i]));
  const { path, body } = sent.completions!;
  const response = await post(path, { ...body, ...many });
  const names = response.headers.get("x-loam-ignored")!;
  expect([response.status, names.split(", ").length, names.endsWith(", ...")]).toEqual([200, 33, true]);
});

test("the pages of the documentation say what the register says; `npm run docs` writes them", () => {
  const page = (name: string) => readFileSync(new URL(`../../../docs/${name}`, import.meta.url), "utf8");
  expect(page("request-fields.md")).toBe(fieldsPage(requestFields));
  expect(page("contracts.md")).toContain(`<!-- fields -->\n\n${fieldsSummary(requestFields)}\n<!-- end of fields -->`);
});
