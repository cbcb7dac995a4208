/** Every response of every contract is told to an observer once: also those that were refused, failed or left, and shadows. */
import { afterAll, expect, onTestFinished, test } from "vitest";
import { bertConfig, encoderSpec, initialise, logProbabilityOf } from "../../nn/index.ts";
import { openDevice } from "../../tensor/index.ts";
import { chatTemplate } from "../../text/index.ts";
import { createEmbeddingEngine } from "../embedding/embedding-engine.ts";
import { servedEncoder } from "../embedding/served-encoder.ts";
import { createEngine } from "../engine.ts";
import { byteTokenizer, fakeEndToken, scriptedProgram, tinyModel } from "../fakes.ts";
import { testFleet } from "../lifecycle/fakes.ts";
import type { EndedResponse, ResponseObserver } from "../response-observer.ts";
import { createApp } from "./app.ts";
import { withoutPrefix } from "./contract.ts";
import { contracts } from "./contracts.ts";
import { fillModel, tinyEncoder } from "./fakes.ts";

const device = openDevice("cpu", { threads: 1 });
const named = (name: string) => ({ id: `${name}@1`, name, version: 1, aliases: [name] });
const decoder = createEngine({ model: await fillModel(device, { ...named("mail"), chatTemplate: chatTemplate() }), device, slots: 2 });
const encoder = createEmbeddingEngine({ model: await tinyEncoder(device, named("vectors")), device });
/** A classifier with random weights, of classes that exclude each other or not. */
async function classifierOf(name: string, labels: readonly string[], kind: "one" | "several") {
  const config = { ...bertConfig({ vocab: 257, width: 32, layers: 1, heads: 2, context: 96 }), classifier: { labels, kind } };
  const model = { family: "encoder", config, parameters: await initialise(encoderSpec(config), device, name) } as const;
  const read = servedEncoder({ id: `${name}@1`, model, tokenizer: byteTokenizer, fingerprint: "2".repeat(64) });
  return createEmbeddingEngine({ model: { ...read, ...named(name) }, device });
}
const classifier = await classifierOf("mood", ["ham", "spam"], "one");
const moderator = await classifierOf("harms", ["threat", "insult"], "several");
await Promise.all([decoder.ready, encoder.ready, classifier.ready, moderator.ready]);
afterAll(() => Promise.all([decoder.close(), encoder.close(), classifier.close(), moderator.close()]));

/** What a telling says, kept: the lists are views and go. */
const kept = (r: EndedResponse) => ({
  requestId: r.requestId,
  atMs: r.atMs,
  contract: r.contract,
  endpoint: r.endpoint,
  route: r.route,
  model: r.model,
  modelName: r.modelName,
  modelVersion: r.modelVersion,
  arm: r.arm,
  isShadow: r.isShadow,
  status: r.status,
  outcome: r.outcome,
  error: r.error,
  user: r.user,
  promptTokens: r.promptTokens,
  answerTokens: r.answerTokens,
  queuedMs: r.queuedMs,
  firstTokenMs: r.firstTokenMs,
  totalMs: r.totalMs,
  answers: r.answers.map(a => ({
    outcome: a.outcome,
    isForced: a.isForced,
    prompt: [...a.promptTokens],
    answer: [...a.answerTokens],
    text: r.decode(a.answerTokens),
    logProbability: a.logProbability,
    scoredTokens: a.scoredTokens,
  })),
  readings: r.readings.map(({ tokens, label, probabilities, vector }) => ({
    tokens: [...tokens],
    label,
    probabilities: probabilities && [...probabilities],
    dimensions: vector?.length,
  })),
});
function observed() {
  const told: ReturnType<typeof kept>[] = [];
  return { told, observer: { scoresEvery: 1, ended: r => told.push(kept(r)) } satisfies ResponseObserver };
}
const post = (path: string, id: string, body: unknown, more: RequestInit & { headers?: Record<string, string> } = {}) =>
  new Request(`http://localhost${path}`, {
    method: "POST",
    body: typeof body === "string" ? body : JSON.stringify(body),
    ...more,
    headers: { "content-type": "application/json", "x-request-id": id, ...more.headers },
  });

const text = "Once upon a time";
const prompt = { model: "mail", prompt: text, max_tokens: 3, temperature: 0 };
const messages = { model: "mail", messages: [{ role: "user", content: "Hi" }], max_tokens: 3, temperature: 0 };
const vectors = { model: "vectors", input: ["a cat", "a dog"] };
const rerank = { model: "vectors", query: "a", documents: ["b", "c"] };
const tensor = {
  inputs: [{ name: "text", shape: [1], datatype: "BYTES", data: [text] }],
  parameters: { max_tokens: 3, timeout: 60_000_000 },
};
const native = { prompt: text, n_predict: 3, temperature: 0, model: "mail" };
/** Bodies that are answered, by the address' pattern; where a body can ask for a stream, both. */
const bodies: Readonly<Record<string, readonly (readonly [path: string, body: object])[]>> = {
  "/v1/completions": [
    ["", prompt],
    ["", { ...prompt, stream: true }],
    ["", { ...prompt, n: 2, prompt: ["a", "b"] }],
    ["", { ...prompt, echo: true, logprobs: 1 }],
  ],
  "/v1/chat/completions": [
    ["", messages],
    ["", { ...messages, stream: true }],
  ],
  "/v1/responses": [
    ["", { model: "mail", input: "Hi", max_output_tokens: 3 }],
    ["", { model: "mail", input: "Hi", max_output_tokens: 3, stream: true }],
    ["", { model: "mail", input: "Hi", max_output_tokens: 3, background: true }],
  ],
  "/v1/messages": [
    ["", messages],
    ["", { ...messages, stream: true }],
  ],
  "/v1/embeddings": [["", vectors]],
  "/v2/embed": [["", { model: "vectors", texts: ["a"], input_type: "search_document", embedding_types: ["float"] }]],
  "/v1/rerank": [["", rerank]],
  "/v1/reranking": [["", rerank]],
  "/v2/rerank": [["", rerank]],
  "/v1/score": [
    ["", { model: "mail", input: [text] }],
    ["", { model: "vectors", text_1: "a", text_2: "b" }],
  ],
  "/v1/moderations": [["", { model: "harms", input: "a" }]],
  "/v1/attributions": [["", { model: "mail", prompt: "ab", max_tokens: 1, methods: ["gradient_x_input"] }]],
  "/pooling": [["", { model: "vectors", input: "a" }]],
  "/v1/models/:target{.+:(?:predict|classify|regress)}": [
    ["/v1/models/vectors:predict", { instances: ["a"] }],
    ["/v1/models/mail:predict", { instances: [{ text, max_tokens: 3 }] }],
    ["/v1/models/mood:classify", { examples: [{ text: "a" }] }],
    ["/v1/models/mail:regress", { examples: [{ text }] }],
  ],
  "/v2/models/:model/versions/:version/infer": [["/v2/models/mail/versions/1/infer", tensor]],
  "/v2/models/:model/infer": [["/v2/models/mail/infer", tensor]],
  "/v2/models/:model/versions/:version/generate": [
    ["/v2/models/mail/versions/1/generate", { text_input: text, parameters: { max_tokens: 3 } }],
  ],
  "/v2/models/:model/generate": [["/v2/models/mail/generate", { text_input: text, parameters: { max_tokens: 3 } }]],
  "/v2/models/:model/versions/:version/generate_stream": [
    ["/v2/models/mail/versions/1/generate_stream", { text_input: text, parameters: { max_tokens: 3 } }],
  ],
  "/v2/models/:model/generate_stream": [["/v2/models/mail/generate_stream", { text_input: text, parameters: { max_tokens: 3 } }]],
  "/invocations": [
    ["", { model: "mail", prompt: text, max_tokens: 3 }],
    ["", { model: "mail", inputs: text, parameters: { max_new_tokens: 3 } }],
    ["", { model: "vectors", inputs: "a" }],
    ["", { model: "vectors", instances: ["a"] }],
    ["", { model: "mood", inputs: "a" }],
  ],
  "/predict": [
    ["", { instances: [{ "@requestFormat": "chatCompletions", ...messages, max_tokens: 3 }] }],
    ["", { model: "vectors", instances: ["a"] }],
  ],
  "/api/generate": [
    ["", { model: "mail", prompt: text, options: { num_predict: 3 } }],
    ["", { model: "mail", prompt: text, stream: false, options: { num_predict: 3 } }],
  ],
  "/api/chat": [["", { model: "mail", messages: messages.messages, options: { num_predict: 3 } }]],
  "/api/embed": [["", vectors]],
  "/api/embeddings": [["", { model: "vectors", prompt: "a" }]],
  "/completion": [
    ["", native],
    ["", { ...native, stream: true }],
  ],
  "/completions": [
    ["", native],
    ["", prompt],
  ],
  "/infill": [["", { ...native, input_prefix: "a", input_suffix: "b" }]],
  "/embedding": [["", { model: "vectors", content: "a" }]],
  // nothing is loaded there: refused
  "/models/:name/invoke": [["/models/mail/invoke", prompt]],
  "/embeddings": [["", vectors]],
};

const routes = contracts.flatMap(contract =>
  [...contract.routes, ...withoutPrefix(contract, contracts)].filter(r => r.uses === "answer").map(route => ({ contract, route })),
);
/** Requests to every address whose answers a model computes. */
const requests = routes.flatMap(({ contract, route }) => {
  const rows = bodies[route.path] ?? bodies[route.name ?? ""];
  if (!rows) throw new Error(`${contract.name}: the test has no body for ${route.path}`);
  return rows.map(([path, body]) => ({ contract, route, path: path === "" ? route.path : path, body }));
});

test("one response, one telling: every address of every contract, whole and streamed", async () => {
  const { told, observer } = observed();
  const failures: unknown[] = [];
  const app = createApp({
    engines: [decoder],
    encoders: [encoder, classifier, moderator],
    responses: observer,
    onFailure: e => failures.push(e),
  });
  onTestFinished(() => app.close());
  for (const [i, { contract, route, path, body }] of requests.entries()) {
    const response = await app.fetch(post(path, `ok-${i}`, body));
    const answer = await response.text();
    const place = `${path} ${JSON.stringify(body)}: ${answer}`;
    expect(response.status, place).toBe(route.path === "/models/:name/invoke" ? 400 : 200);
    await expect.poll(() => told.filter(t => t.requestId === `ok-${i}`).length, { message: place }).toBe(1);
    const found = told.find(t => t.requestId === `ok-${i}`)!;
    expect(found, place).toMatchObject({ contract: contract.name, endpoint: route.endpoint ?? contract.endpoint, status: response.status });
    expect(found.totalMs, place).toBeGreaterThanOrEqual(0);
    if (response.status !== 200) continue;
    expect(found.modelVersion, place).toBe(1);
    expect(found.promptTokens, place).toBeGreaterThan(0);
    expect(found.answers.length + found.readings.length, place).toBeGreaterThan(0);
    for (const a of found.answers) expect(["stop", "length"], place).toContain(a.outcome);
  }
  // none is told later
  expect(told.length).toBe(requests.length);
  expect(failures).toEqual([]);
});

test("what is refused is told once too: a body that says nothing, an unknown model, a missing key", async () => {
  const { told, observer } = observed();
  const app = createApp({ engines: [decoder], encoders: [encoder, classifier, moderator], responses: observer, apiKeys: ["right"] });
  onTestFinished(() => app.close());
  const right = { authorization: "Bearer right" };
  for (const [i, { path, body }] of requests.entries()) {
    const cases = [
      [body, {}],
      ["{broken", right],
      [{ ...body, model: "nobody" }, right],
    ] as const;
    for (const [k, [given, headers]] of cases.entries()) {
      const id = `no-${i}-${k}`;
      const response = await app.fetch(post(path, id, given, { headers }));
      await response.text();
      const found = told.filter(t => t.requestId === id);
      expect(found.length, `${path} ${id}`).toBe(1);
      expect(found[0], `${path} ${id}`).toMatchObject({ status: response.status });
      if (response.status >= 400) expect(found[0]!.outcome).toBe(response.status < 500 ? "refused" : "error");
      if (k === 0) expect([response.status, found[0]!.error, found[0]!.model]).toEqual([401, "serve/apiKey", null]);
    }
  }
  // other addresses are nobody's response
  const before = told.length;
  for (const path of ["/v1/models", "/healthz", "/metrics", "/nowhere"]) await app.fetch(new Request(`http://localhost${path}`));
  expect(told.length).toBe(before);
});

test("a client that leaves, before the first token or in the middle of a stream, is told once as cancelled", async () => {
  const { told, observer } = observed();
  let open = () => {};
  let gate = new Promise<void>(resolve => {
    open = resolve;
  });
  const says = new Float32Array(257);
  says[65] = 50;
  const slow = createEngine({
    model: await tinyModel(device, named("slow")),
    device,
    open: async () => scriptedProgram({ slots: 2, room: 4000, logits: () => says, gate: () => gate }),
  });
  await slow.ready;
  const app = createApp({ engines: [slow], responses: observer });
  onTestFinished(async () => {
    app.close();
    await slow.close();
  });
  const leaving = new AbortController();
  const ask = { model: "slow", prompt: "a", max_tokens: 3000 };
  const whole = Promise.resolve(app.fetch(post("/v1/completions", "left", ask, { signal: leaving.signal })));
  await expect.poll(() => slow.stats().running).toBe(1);
  leaving.abort();
  await (await whole).text();
  expect(told).toMatchObject([
    { requestId: "left", status: 499, outcome: "cancelled", firstTokenMs: null, answers: [{ outcome: "cancelled" }] },
  ]);
  open();
  gate = Promise.resolve();
  const stream = await app.fetch(post("/v1/completions", "stream", { ...ask, stream: true }));
  const reader = stream.body!.getReader();
  await reader.read();
  await reader.cancel();
  await expect.poll(() => told.length).toBe(2);
  expect(told[1]).toMatchObject({ requestId: "stream", status: 499, outcome: "cancelled", error: "serve/cancelled" });
  expect(told[1]!.answers[0]!.answer.length).toBeGreaterThan(0);
  expect(told[1]!.firstTokenMs).toBeGreaterThanOrEqual(0);
});

test("a step that fails on the device is told once, as an error with its code", async () => {
  const { told, observer } = observed();
  const broken = createEngine({
    model: await tinyModel(device, named("broken")),
    device,
    open: async () =>
      scriptedProgram({
        slots: 1,
        gate: () => {
          throw new Error("out of memory");
        },
      }),
  });
  await broken.ready;
  const app = createApp({ engines: [broken], responses: observer });
  onTestFinished(async () => {
    app.close();
    await broken.close();
  });
  const response = await app.fetch(post("/v1/completions", "failed", { model: "broken", prompt: "a" }));
  expect(response.status).toBe(500);
  expect(told).toMatchObject([
    { status: 500, outcome: "error", error: "serve/program", model: "broken@1", answers: [{ outcome: "error" }] },
  ]);
});

test("a split's arm, the user it is kept by, and the shadow of a request are told", async () => {
  const { told, observer } = observed();
  const { fleet, engines } = await testFleet(device);
  const app = createApp({ engines, fleet, admin: true, responses: observer });
  onTestFinished(async () => {
    app.close();
    await fleet.close();
  });
  for (const version of [1, 2, 3]) await fleet.load("digit", version);
  fleet.split(
    "digit",
    new Map([
      [1, 1],
      [2, 1],
    ]),
    new Map([[3, 100]]),
  );
  const ask = async (id: string, user: string) =>
    (await app.fetch(post("/v1/completions", id, { model: "digit", prompt: "a", max_tokens: 2, user }))).json();
  const said = (await ask("one", "anna")) as { choices: { text: string }[] };
  await expect.poll(() => told.length).toBe(2);
  const [own, shadow] = told[0]!.isShadow ? [told[1]!, told[0]!] : [told[0]!, told[1]!];
  expect(own).toMatchObject({ requestId: "one", user: "anna", isShadow: false, modelName: "digit" });
  expect(own.arm).toBe(own.modelVersion);
  expect(said.choices[0]!.text).toBe(String(own.modelVersion).repeat(2));
  expect(shadow).toMatchObject({ isShadow: true, modelVersion: 3, arm: null, answerTokens: 2 });
});

test("token ids are those of prompt and answer, and log-probabilities those of the model's own logits", async () => {
  const { told, observer } = observed();
  const app = createApp({ engines: [decoder], encoders: [classifier], responses: observer });
  onTestFinished(() => app.close());
  const likely = await app.fetch(post("/v1/completions", "likely", { ...prompt, max_tokens: 8, temperature: 0.7, seed: 5, logprobs: 1 }));
  const { choices } = (await likely.json()) as { choices: { text: string; logprobs: { token_logprobs: number[] } }[] };
  await app.fetch(post("/v1/completions", "plain", { ...prompt, max_tokens: 8, temperature: 0.7, seed: 5 }));
  const [asked, plain] = told.map(t => t.answers[0]!);
  expect(asked!.prompt).toEqual([fakeEndToken, ...Array.from(byteTokenizer.encode(text))]);
  expect(asked!.text).toBe(choices[0]!.text);
  expect(plain!.answer).toEqual(asked!.answer);
  const sum = choices[0]!.logprobs.token_logprobs.reduce((a, b) => a + b, 0);
  expect(asked!.logProbability).toBeCloseTo(sum, 9);
  // nobody asked for likelihoods: scored for the observer alone
  expect(plain!.logProbability).toBeCloseTo(sum, 9);
  expect([asked!.scoredTokens, plain!.scoredTokens]).toEqual([asked!.answer.length, asked!.answer.length]);
  const told2 = await app.fetch(post("/v1/models/mood:classify", "mood", { examples: [{ text: "cheap pills" }] }));
  const { result } = (await told2.json()) as { result: [string, number][][] };
  const [reading] = told.at(-1)!.readings;
  expect(["ham", "spam"].map((label, i) => [label, reading!.probabilities![i]])).toEqual(expect.arrayContaining(result[0]!));
  expect(reading!.label).toBe(result[0]!.toSorted((a, b) => b[1] - a[1])[0]![0]);
  expect(Buffer.from(reading!.tokens.filter(t => t < 256)).toString()).toContain("cheap pills");
});

test("an observer that throws harms no response and is reported", async () => {
  const failures: unknown[] = [];
  const responses = {
    ended: () => {
      throw new Error("broken monitor");
    },
  };
  const app = createApp({ engines: [decoder], responses, onFailure: (e, id) => failures.push([String(e), id]) });
  onTestFinished(() => app.close());
  expect((await app.fetch(post("/v1/completions", "fine", prompt))).status).toBe(200);
  expect(failures).toEqual([["Error: broken monitor", "fine"]]);
});

test("one token's log-probability is that of `likelihood`, also far below the greatest", () => {
  const logits = Float32Array.from({ length: 999 }, (_, i) => 60 * Math.sin(i * 12.9898) ** 5);
  for (const token of [0, 1, 500, 998]) {
    let [top, total] = [Number.NEGATIVE_INFINITY, 0];
    for (const x of logits) top = Math.max(top, x);
    for (const x of logits) total += Math.exp(x - top);
    expect(logProbabilityOf(logits, token)).toBeCloseTo(logits[token]! - top - Math.log(total), 12);
  }
});
