/** A served multi-label classifier asked for moderations by the official client: directly, through the gateway, and by a guard before a chat. */
import OpenAI from "openai";
import { afterAll, expect, test } from "vitest";
import { fakeUpstream, testGateway } from "../src/gateway/fakes.ts";
import { says } from "../src/gateway/guards/fakes.ts";
import { bertConfig, type ClassifierConfig, classLogits, type Encoder, encoderSpec, encoderStates, initialise } from "../src/nn/index.ts";
import { createEmbeddingEngine } from "../src/serve/embedding/embedding-engine.ts";
import { servedEncoder } from "../src/serve/embedding/served-encoder.ts";
import { byteTokenizer } from "../src/serve/fakes.ts";
import { createApp } from "../src/serve/http/app.ts";
import { listen } from "../src/serve/listen.ts";
import { compile, openDevice, slice, type Tensor } from "../src/tensor/index.ts";

const device = openDevice("cpu", { threads: 1 });
const longest = 40;
const classifier = {
  labels: ["harassment", "violence", "spam"],
  kind: "several",
  scales: [
    { slope: 2, offset: 0.5 },
    { slope: 0.5, offset: -1 },
    { slope: 1, offset: 0 },
  ],
  thresholds: [0.5, 0.3, null],
} as const satisfies ClassifierConfig;
const config = {
  ...bertConfig({ vocab: 257, width: 24, layers: 2, heads: 2, context: longest }),
  firstPosition: 2,
  classifier,
  deviation: 0.3,
};
const parameters = await initialise(encoderSpec(config), device, "moderation");
const engineOf = (name: string, kind: ClassifierConfig) =>
  createEmbeddingEngine({
    model: servedEncoder({
      id: `${name}@1`,
      name,
      version: 1,
      aliases: [name],
      model: { family: "encoder", config: { ...config, classifier: kind }, parameters },
      tokenizer: byteTokenizer,
      fingerprint: name,
    }),
    device,
    sizes: [64],
  });
/** By the common threshold each text is violent, in a calm group none is. */
const byGroup = {
  labels: classifier.labels,
  kind: "one",
  threshold: { label: "violence", at: 0 },
  groupThresholds: {
    attribute: "channel",
    label: "violence",
    goal: "equalOpportunity",
    bound: 0.05,
    groups: [{ group: "calm", at: null }],
  },
} as const satisfies ClassifierConfig;
const engines = [
  engineOf("guardian", classifier),
  engineOf("mood", { labels: [...classifier.labels], kind: "one" }),
  engineOf("by-group", byGroup),
];
await Promise.all(engines.map(e => e.ready));
const server = await listen(createApp({ engines: [], encoders: engines }), { port: 0 });
const upstream = await fakeUpstream(says(["fine"]));
afterAll(async () => {
  await server.close();
  await upstream.close();
});

const logits = compile((p: Encoder, t: Tensor) => classLogits(p, slice(encoderStates(config, p, t), undefined, [0, 1])), { device });
/** Probabilities by the definition: Platt's map of the logits. */
async function probabilities(text: string): Promise<number[]> {
  const ids = Int32Array.from(Buffer.from(text));
  const row = [...(await (await logits(parameters, await device.array(ids, "i32", [1, ids.length]))).numbers())];
  return row.map((x, k) => 1 / (1 + Math.exp(-(classifier.scales[k]!.slope * x + classifier.scales[k]!.offset))));
}
const direct = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: "none", maxRetries: 0 });
const scoresOf = (result: OpenAI.Moderation) => Object.values(result.category_scores) as number[];

async function expectModerated(client: OpenAI) {
  const texts = ["a good day", "rain"];
  const { id, model, results } = await client.moderations.create({ model: "guardian", input: texts });
  expect([id.slice(0, 4), model, results.length]).toEqual(["modr", "guardian", 2]);
  for (const [i, text] of texts.entries()) {
    const want = await probabilities(text);
    const held = want.map((p, k) => classifier.thresholds[k] !== null && p >= classifier.thresholds[k]!);
    for (const [k, p] of scoresOf(results[i]!).entries()) expect(p).toBeCloseTo(want[k]!, 4);
    expect(Object.keys(results[i]!.category_scores)).toEqual(classifier.labels);
    expect(Object.values(results[i]!.categories)).toEqual(held);
    expect(results[i]!.flagged).toBe(held.includes(true));
    expect(results[i]!.category_applied_input_types).toEqual({ harassment: ["text"], violence: ["text"], spam: ["text"] });
  }
}

test("calibrated scores, thresholds and flags are what the configuration says", () => expectModerated(direct));

test("a text, a list of one and the parts of a message are answered alike; the only such model needs no name", async () => {
  const one = await direct.moderations.create({ model: "guardian", input: "rain" });
  const list = await direct.moderations.create({ input: ["rain"] });
  const parts = await direct.moderations.create({ model: "guardian", input: [{ type: "text", text: "rain" }] });
  expect([list.results, parts.results]).toEqual([one.results, one.results]);
  expect(list.model).toBe("guardian");
});

test("a label holds of a long text where it holds of any part of it", async () => {
  const long = Array.from({ length: 12 }, (_, i) => `part ${i} of a text`).join(", ");
  const windows = Array.from({ length: Math.ceil((long.length - longest) / (longest / 2)) + 1 }, (_, i) =>
    long.slice((i * longest) / 2, (i * longest) / 2 + longest),
  );
  const want = await Promise.all(windows.map(probabilities));
  const { results } = await direct.moderations.create({ model: "guardian", input: long });
  for (const [k, p] of scoresOf(results[0]!).entries()) expect(p).toBeCloseTo(Math.max(...want.map(w => w[k]!)), 4);
});

test("a disguised text has at least the scores of its plain reading", async () => {
  const plain = scoresOf((await direct.moderations.create({ model: "guardian", input: "you moron" })).results[0]!);
  for (const text of ["you m0r0n", "you m\u200bo\u200bron", "you m<b></b>oron"]) {
    const found = scoresOf((await direct.moderations.create({ model: "guardian", input: text })).results[0]!);
    for (const [k, p] of found.entries()) expect(p).toBeGreaterThanOrEqual(plain[k]! - 1e-4);
  }
});

test("pictures, other models, empty lists and unknown names are refused with what is wrong", async () => {
  const picture = { type: "image_url", image_url: { url: "https://example.com/a.png" } } as const;
  await expect(direct.moderations.create({ model: "guardian", input: [picture] })).rejects.toThrow(/pictures are not read/);
  await expect(direct.moderations.create({ model: "mood", input: "a" })).rejects.toThrow(/a multi-label classifier/);
  await expect(direct.moderations.create({ model: "guardian", input: [] })).rejects.toThrow(/400/);
  await expect(direct.moderations.create({ model: "guardien", input: "a" })).rejects.toThrow(/404|guardian/);
  await expect(direct.moderations.create({ model: "guardian", input: "a".repeat(2_000_001) })).rejects.toThrow(/2000000 characters/);
  expect((await direct.moderations.create({ model: "guardian", input: "" })).results).toHaveLength(1);
});

test("through the gateway the answers are the same, and a guard refuses what the model flags", async () => {
  const scores = scoresOf((await direct.moderations.create({ model: "guardian", input: "rain" })).results[0]!);
  const categories = { harassment: { threshold: Math.min(1, scores[0]! + 0.001) } };
  const gateway = await testGateway({
    upstreams: { own: { url: `${server.url}/v1` }, chat: { url: upstream.url } },
    models: {
      guardian: { targets: [{ upstream: "own" }] },
      chat: { targets: [{ upstream: "chat", model: "inner" }], guards: ["strict"] },
      mild: { targets: [{ upstream: "chat", model: "inner" }], guards: ["lenient"] },
    },
    retries: { attempts: 0 },
    guards: {
      strict: { kind: "classifier", model: "guardian", threshold: 0, on: ["request"] },
      lenient: {
        kind: "classifier",
        model: "guardian",
        action: "pass",
        categories: { harassment: { ...categories.harassment, action: "block" } },
        on: ["request"],
      },
    },
  });
  try {
    const fetchHere: typeof fetch = async (url, init) => gateway.post(new URL(String(url)).pathname, JSON.parse(String(init?.body)));
    await expectModerated(new OpenAI({ baseURL: "http://gateway/v1", apiKey: "none", maxRetries: 0, fetch: fetchHere }));
    const ask = (model: string) => gateway.post("/v1/chat/completions", { model, messages: [{ role: "user", content: "rain" }] });
    expect((await ask("chat")).status).toBe(400);
    expect((await ask("mild")).status).toBe(200);
  } finally {
    await gateway.close();
  }
});

test("through the gateway the threshold of each text's group decides, and a guard decides by the common one", async () => {
  const gateway = await testGateway({
    upstreams: { own: { url: `${server.url}/v1` }, chat: { url: upstream.url } },
    models: {
      "by-group": { targets: [{ upstream: "own" }] },
      chat: { targets: [{ upstream: "chat", model: "inner" }], guards: ["group"] },
    },
    retries: { attempts: 0 },
    guards: { group: { kind: "classifier", model: "by-group", on: ["request"] } },
  });
  try {
    const moderated = await gateway.post("/v1/moderations", {
      model: "by-group",
      input: ["rain", "rain", "rain"],
      group: ["calm", null, "loud"],
    });
    const { results } = (await moderated.json()) as { results: OpenAI.Moderation[] };
    expect(results.map(r => [r.flagged, Object.keys(r.categories)])).toEqual([false, true, true].map(f => [f, ["violence"]]));
    expect(moderated.headers.get("x-loam-common-threshold")).toBe("2");
    const chat = { model: "chat", group: "calm", messages: [{ role: "user", content: "rain" }] };
    const refused = await gateway.post("/v1/chat/completions", chat);
    expect([refused.status, await refused.text()]).toEqual([400, expect.stringContaining("it was classified as violence")]);
  } finally {
    await gateway.close();
  }
});
