/** Encoders that tell classes of texts, through TensorFlow Serving's and the Open Inference contract. */
import { afterAll, expect, test } from "vitest";
import { bertConfig, type ClassifierConfig, classLogits, type Encoder, encoderSpec, encoderStates, initialise } from "../../nn/index.ts";
import { compile, openDevice, slice, type Tensor } from "../../tensor/index.ts";
import { createEmbeddingEngine } from "../embedding/embedding-engine.ts";
import { servedEncoder } from "../embedding/served-encoder.ts";
import { byteTokenizer } from "../fakes.ts";
import { listen } from "../listen.ts";
import { createApp } from "./app.ts";

const device = openDevice("cpu", { threads: 1 });
const classifiers = {
  mood: { labels: ["sad", "glad", "neither"], kind: "one" },
  topics: { labels: ["work", "money"], kind: "several" },
  score: { labels: ["LABEL_0"], kind: "value" },
} as const satisfies Record<string, ClassifierConfig>;
const open = async (name: keyof typeof classifiers) => {
  const size = { vocab: 257, width: 24, layers: 2, heads: 2, context: 40 };
  const config = { ...bertConfig(size), firstPosition: 2, classifier: classifiers[name], deviation: 0.3 };
  const parameters = await initialise(encoderSpec(config), device, name);
  const model = servedEncoder({
    id: `${name}@1`,
    name,
    version: 1,
    aliases: [name],
    model: { family: "encoder", config, parameters },
    tokenizer: byteTokenizer,
    fingerprint: name,
  });
  const logits = compile((p: Encoder, t: Tensor) => classLogits(p, slice(encoderStates(config, p, t), undefined, [0, 1])), { device });
  return {
    engine: createEmbeddingEngine({ model, device, sizes: [64] }),
    logitsOf: async (text: string) => {
      const ids = Int32Array.from(Buffer.from(text));
      return [...(await (await logits(parameters, await device.array(ids, "i32", [1, ids.length]))).numbers())];
    },
  };
};
const opened = { mood: await open("mood"), topics: await open("topics"), score: await open("score") };
await Promise.all(Object.values(opened).map(o => o.engine.ready));
const server = await listen(createApp({ engines: [], encoders: Object.values(opened).map(o => o.engine) }), { port: 0 });
afterAll(() => server.close());

type Reply = ReturnType<typeof JSON.parse>;
const post = async (path: string, body: unknown): Promise<[number, Reply]> => {
  const r = await fetch(`${server.url}${path}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  return [r.status, (await r.json()) as Reply];
};
const texts = ["a good day", "rain"];
const near = (got: readonly number[], want: readonly number[]) =>
  expect(Math.max(...want.map((w, i) => Math.abs(w - got[i]!)))).toBeLessThan(1e-5);

test("classes come with the softmax of the model's logits, the likeliest first, and predict gives them in the order of the labels", async () => {
  const [status, classified] = await post("/v1/models/mood:classify", { examples: texts.map(text => ({ text })) });
  const [, predicted] = await post("/v1/models/mood:predict", { instances: texts });
  expect(status).toBe(200);
  for (const [i, text] of texts.entries()) {
    const powers = (await opened.mood.logitsOf(text)).map(Math.exp);
    const want = powers.map(p => p / powers.reduce((a, b) => a + b));
    const { label, scores } = predicted.predictions[i];
    near(scores, want);
    expect(label).toBe(classifiers.mood.labels[want.indexOf(Math.max(...want))]);
    const sorted = [...classified.result[i]].sort(([, a], [, b]) => b - a);
    expect(classified.result[i]).toEqual(sorted);
    expect(Object.fromEntries(classified.result[i])).toEqual(Object.fromEntries(classifiers.mood.labels.map((l, k) => [l, scores[k]])));
  }
});

test("labels that hold or not have a probability each, and a plain number is answered to regress", async () => {
  const [, topics] = await post("/v1/models/topics:predict", { instances: [texts[0]] });
  near(
    topics.predictions[0].scores,
    (await opened.topics.logitsOf(texts[0]!)).map(x => 1 / (1 + Math.exp(-x))),
  );
  const [, regressed] = await post("/v1/models/score:regress", { examples: texts.map(text => ({ text })) });
  for (const [i, text] of texts.entries()) near([regressed.result[i]], await opened.score.logitsOf(text));
  const [refused, error] = await post("/v1/models/mood:regress", { examples: [{ text: "a" }] });
  expect([refused, error.error]).toEqual([400, expect.stringMatching(/answers no regress/)]);
});

test("the Open Inference Protocol gives labels and scores as tensors, and says their shapes", async () => {
  const body = { inputs: [{ name: "text", shape: [2], datatype: "BYTES", data: texts }] };
  const [status, answer] = await post("/v2/models/mood/infer", body);
  expect(status).toBe(200);
  const [, predicted] = await post("/v1/models/mood:predict", { instances: texts });
  expect(answer.outputs).toEqual([
    { name: "label", datatype: "BYTES", shape: [2], data: predicted.predictions.map((p: Reply) => p.label) },
    { name: "scores", datatype: "FP32", shape: [2, 3], data: predicted.predictions.flatMap((p: Reply) => p.scores) },
  ]);
  const said = (await (await fetch(`${server.url}/v2/models/mood`)).json()) as Reply;
  expect(said.outputs.map((o: Reply) => [o.name, o.shape])).toEqual([
    ["label", [-1]],
    ["scores", [-1, 3]],
  ]);
});

test("who asks a classifier for embeddings is told where classes are", async () => {
  const [status, { error }] = await post("/v1/embeddings", { model: "mood", input: "a" });
  expect([status, error.message]).toEqual([400, expect.stringMatching(/"mood@1", a classifier\. Ask \/v1\/models\/mood:classify/)]);
});
