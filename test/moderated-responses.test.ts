/** Responses of a served model that a real classifier judges while they are written, through the contracts of the server. */
import OpenAI from "openai";
import { afterAll, expect, test } from "vitest";
import { bertConfig, type ClassifierConfig, encoderSpec, initialise } from "../src/nn/index.ts";
import { classifierSpanGuard } from "../src/project/serving/served-moderation.ts";
import { createEmbeddingEngine, type EmbeddingEngine } from "../src/serve/embedding/embedding-engine.ts";
import { servedEncoder } from "../src/serve/embedding/served-encoder.ts";
import { createEngine, type Engine } from "../src/serve/engine.ts";
import { byteTokenizer, tinyModel } from "../src/serve/fakes.ts";
import { createApp } from "../src/serve/http/app.ts";
import { moderateTexts } from "../src/serve/http/moderations.ts";
import { type Listening, listen } from "../src/serve/listen.ts";
import { servePart } from "../src/serve/part.ts";
import type { SpanGuard } from "../src/serve/span-guard.ts";
import { openDevice } from "../src/tensor/index.ts";

const device = openDevice("cpu", { threads: 1 });
const config = { ...bertConfig({ vocab: 257, width: 24, layers: 2, heads: 2, context: 64 }), firstPosition: 2, deviation: 0.3 };
const several: ClassifierConfig = { labels: ["threat", "spam"], kind: "several", thresholds: [0.5, null] };
const one: ClassifierConfig = { labels: ["safe", "risk"], kind: "one" };

const classifierOf = async (classifier: ClassifierConfig): Promise<EmbeddingEngine> => {
  const own = { ...config, classifier };
  const engine = createEmbeddingEngine({
    model: servedEncoder({
      id: "risk@1",
      name: "risk",
      version: 1,
      aliases: ["risk"],
      model: { family: "encoder", config: own, parameters: await initialise(encoderSpec(own), device, "moderation") },
      tokenizer: byteTokenizer,
      fingerprint: "risk",
    }),
    device,
  });
  await engine.ready;
  return engine;
};
const partOf = (more: object = {}) => servePart.parse({ moderate: { model: "risk", span: 5, ...more } }).moderate!;
const classifier = await classifierOf(several);
const model = await tinyModel(device);
const servers: Listening[] = [];
afterAll(async () => {
  for (const s of servers) await s.close();
  await classifier.close();
});

async function clientOf(more: object, judge = classifier, warnings: string[] = []) {
  const own = classifierSpanGuard({ engine: judge, part: partOf(more), warn: w => warnings.push(w) });
  const passed: string[] = [];
  const spanGuard: SpanGuard = {
    ...own,
    async refuses(text) {
      const isRefused = await own.refuses(text);
      if (!isRefused) passed.push(text);
      return isRefused;
    },
  };
  const engine: Engine = createEngine({ model, device, room: 96, slots: 4, spanGuard });
  await engine.ready;
  const server = await listen(createApp({ engines: [engine] }), { port: 0 });
  servers.push(server);
  return { client: new OpenAI({ baseURL: `${server.url}/v1`, apiKey: "none", maxRetries: 0 }), url: server.url, warnings, passed };
}
const scoreOf = async (text: string): Promise<number> =>
  (await moderateTexts(classifier, [text], AbortSignal.timeout(60_000))).texts[0]!.scores[0]!;
const body = (seed: number) => ({ model: "tiny", prompt: `a${seed}`, max_tokens: 20, seed, logprobs: 0 });

/** Scores of the first spans of responses as they are without a classifier. */
async function firstScores(count: number): Promise<number[]> {
  const { client } = await clientOf({ categories: { threat: null, spam: 1 } });
  const all = await Promise.all(Array.from({ length: count }, (_, i) => client.completions.create(body(i))));
  return Promise.all(all.map(a => scoreOf(a.choices[0]!.text.slice(0, 4))));
}

test("no span of a response has a category at its threshold, streamed or whole, and the tokens told are those of the text", async () => {
  const scores = (await firstScores(12)).sort((a, b) => a - b);
  const threshold = (scores[5]! + scores[6]!) / 2;
  const { client, url, passed } = await clientOf({ categories: { threat: threshold } });
  const whole = await Promise.all(scores.map((_, i) => client.completions.create(body(i))));
  const reasons = new Set(whole.map(w => w.choices[0]!.finish_reason as string));
  expect(reasons).toContain("length");
  for (const [i, { choices, usage }] of whole.entries()) {
    let streamed = "";
    passed.length = 0;
    for await (const chunk of await client.completions.create({ ...body(i), stream: true })) streamed += chunk.choices[0]?.text ?? "";
    expect(streamed).toBe(choices[0]!.text);
    // the text is that of the spans that passed, each behind what its sentence had before it
    let at = 0;
    for (const judged of passed) {
      expect(await scoreOf(judged)).toBeLessThan(threshold);
      const from = streamed.slice(0, at + judged.length).lastIndexOf(judged);
      expect(from).toBeGreaterThanOrEqual(0);
      at = from + judged.length;
    }
    expect(streamed.slice(at).trim()).toBe("");
    expect(choices[0]!.logprobs!.token_logprobs!.length).toBe(usage!.completion_tokens - (choices[0]!.finish_reason === "stop" ? 1 : 0));
  }
  const metrics = await (await fetch(`${url}/metrics`)).text();
  expect(Number(/^loam_refused_spans_total\{.*\} (\d+)$/m.exec(metrics)?.[1])).toBeGreaterThan(0);
});

test("where every span is refused each contract says that the response was filtered", async () => {
  const { client, url } = await clientOf({ categories: { threat: 0 }, attempts: 2 });
  const completion = await client.completions.create(body(1));
  expect(completion.choices[0]).toMatchObject({ text: "", finish_reason: "content_filter" });
  expect(completion.usage).toMatchObject({ completion_tokens: 0 });
  const messages = [{ role: "user", content: "hi" }] as const;
  const chat = await client.chat.completions.create({ model: "tiny", messages: [...messages], max_tokens: 9, temperature: 0 });
  expect(chat.choices[0]).toMatchObject({ finish_reason: "content_filter", message: { content: "" } });
  const response = await client.responses.create({ model: "tiny", input: "hi", max_output_tokens: 20, temperature: 0 });
  expect(response).toMatchObject({ status: "incomplete", incomplete_details: { reason: "content_filter" }, output_text: "" });
  const post = async (path: string, sent: object) =>
    (await fetch(`${url}${path}`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(sent) })).json();
  expect(await post("/v1/messages", { model: "tiny", messages, max_tokens: 9, temperature: 0 })).toMatchObject({ stop_reason: "refusal" });
  expect(await post("/api/generate", { model: "tiny", prompt: "hi", stream: false, options: { temperature: 0 } })).toMatchObject({
    response: "",
    done_reason: "content_filter",
  });
  expect(await post("/completion", { prompt: "hi", n_predict: 9, temperature: 0 })).toMatchObject({ content: "", stop_type: "limit" });
});

test("a classifier that fails refuses the request or lets it pass, by onError, and is reported once", async () => {
  const broken = await classifierOf(several);
  const closed = await clientOf({}, broken);
  const open = await clientOf({ onError: "allow" }, broken);
  await broken.close();
  await expect(closed.client.completions.create(body(1))).rejects.toThrow(/503.*could not be moderated/);
  const { client } = await clientOf({ categories: { threat: null, spam: 1 } });
  const passed = await open.client.completions.create(body(1));
  expect(passed.choices).toEqual((await client.completions.create(body(1))).choices);
  expect([closed.warnings, open.warnings].map(w => w.length)).toEqual([1, 1]);
});

test("categories are the classifier's; classes that exclude each other need a threshold", async () => {
  const opened = (engine: EmbeddingEngine, more: object) => () => classifierSpanGuard({ engine, part: partOf(more), warn: () => {} });
  expect(opened(classifier, { categories: { treat: 0.5 } })).toThrow(
    /loam.yaml: serve.moderate.categories.treat: expected .*threat, spam.* got "treat"/,
  );
  const exclusive = await classifierOf(one);
  expect(opened(exclusive, {})).toThrow(/a category with a threshold/);
  const guard = opened(exclusive, { categories: { risk: 0 } })();
  expect(await guard.refuses("any text")).toBe(true);
  expect(await opened(exclusive, { categories: { risk: 1 } })().refuses("any text")).toBe(false);
  await exclusive.close();
});
