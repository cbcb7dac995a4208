/** Which words a class rests on: a tiny random classifier, whose scores of texts with words left out are those that it gives these texts. */
import { afterAll, expect, test } from "vitest";
import { bertConfig, encoderSpec, initialise } from "../../nn/index.ts";
import { openDevice } from "../../tensor/index.ts";
import { createEmbeddingEngine } from "../embedding/embedding-engine.ts";
import { servedEncoder } from "../embedding/served-encoder.ts";
import { byteTokenizer } from "../fakes.ts";
import { createApp } from "./app.ts";
import { withoutWords, wordSpans } from "./attribution-units.ts";

const device = openDevice("cpu", { threads: 1 });
const labels = ["ham", "spam", "news"];
const config = { ...bertConfig({ vocab: 257, width: 32, layers: 2, heads: 2, context: 96 }), classifier: { kind: "one" as const, labels } };
const model = { family: "encoder", config, parameters: await initialise(encoderSpec(config), device, "tiny classifier") } as const;
const encoder = createEmbeddingEngine({
  model: servedEncoder({ id: "folders@1", name: "folders", model, tokenizer: byteTokenizer, fingerprint: "1".repeat(64) }),
  device,
});
await encoder.ready;
const app = createApp({ engines: [], encoders: [encoder] });
afterAll(async () => {
  await encoder.close();
  app.close();
});
const ask = async <T>(path: string, body: object) => {
  const request = {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model: "folders@1", ...body }),
  };
  const response = await app.fetch(new Request(`http://127.0.0.1${path}`, request));
  return { status: response.status, body: (await response.json()) as T };
};
interface Told {
  readonly label: string;
  readonly units: readonly { start: number; end: number; text: string }[];
  readonly attributions: readonly [{ score: number; occlusion: number[]; faithfulness?: { occlusion: Record<string, number> } }];
}
const probabilities = async (text: string): Promise<Map<string, number>> => {
  const { body } = await ask<{ predictions: { scores: number[] }[] }>("/v1/models/folders:predict", { instances: [text] });
  return new Map(labels.map((l, i) => [l, body.predictions[0]!.scores[i]!]));
};

test("a word's share is the fall of the class's log-probability as the word is left out", async () => {
  const input = "Free money now";
  const { status, body } = await ask<Told>("/v1/attributions", { input, label: "spam", faithfulness: true });
  expect(status).toBe(200);
  expect(body.label).toBe("spam");
  expect(body.units.map(u => u.text)).toEqual(["Free", "money", "now"]);
  const [row] = body.attributions;
  const whole = Math.log((await probabilities(input)).get("spam")!);
  expect(row.score).toBeCloseTo(whole, 4);
  for (const [i, { start, end }] of body.units.entries()) {
    const without = Math.log((await probabilities(input.slice(0, start) + input.slice(end))).get("spam")!);
    expect(row.occlusion[i]).toBeCloseTo(whole - without, 4);
  }
  expect(Object.values(row.faithfulness!.occlusion).every(Number.isFinite)).toBe(true);
});

test("without a label the class that the model gives is explained; against another the score is their difference", async () => {
  const input = "Free money now";
  const p = await probabilities(input);
  const best = [...p].sort((a, b) => b[1] - a[1])[0]![0];
  expect((await ask<Told>("/v1/attributions", { input })).body.label).toBe(best);
  const { body } = await ask<Told>("/v1/attributions", { input, label: "ham", against: "news" });
  expect(body.attributions[0].score).toBeCloseTo(Math.log(p.get("ham")!) - Math.log(p.get("news")!), 4);
});

test("what a classifier does not have is refused by name", async () => {
  const error = async (body: object) => {
    const { status, body: told } = await ask<{ error: { param: string } }>("/v1/attributions", body);
    return [status, told.error.param];
  };
  const input = "Free money";
  expect(await error({})).toEqual([400, "input"]);
  expect(await error({ prompt: "x" })).toEqual([400, "prompt"]);
  expect(await error({ input: "  " })).toEqual([400, "input"]);
  expect(await error({ input, label: "none" })).toEqual([400, "label"]);
  expect(await error({ input, against: "none" })).toEqual([400, "against"]);
  expect(await error({ input, methods: ["integrated_gradients"] })).toEqual([400, "methods"]);
  expect(await error({ input, units: "token" })).toEqual([400, "units"]);
});

test("a text of more words than units is cut into parts of several words, which hold them all", () => {
  const text = Array.from({ length: 23 }, (_, i) => `w${i}`).join(" ");
  const spans = wordSpans(text, 5);
  expect(spans.length).toBeLessThanOrEqual(5);
  expect(spans.map(s => text.slice(s.start, s.end)).join(" ")).toBe(text);
  expect(withoutWords(text, spans)).toBe(" ");
  expect(withoutWords("a b c", wordSpans("a b c", 9).slice(1, 2))).toBe("a  c");
});
