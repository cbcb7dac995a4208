/** Losses of pairs against TRL's formulas (`bench/peers/golden/preference.py`), and tuning by them. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { check, silent } from "../../base/index.ts";
import {
  type DecoderConfig,
  decoderSpec,
  folderFiles,
  importHuggingFace,
  initialise,
  llamaConfig,
  writeSafetensors,
} from "../../nn/index.ts";
import { compile, type DeviceArray, mul, openDevice, sizeOf, sum, valueAndGrad } from "../../tensor/index.ts";
import { chatTemplate, trainBpe } from "../../text/index.ts";
import { type EncodedPair, encodePair, layPairs } from "./pairs.ts";
import { type PreferenceInput, pairTerms, preferenceFitOptions, tunePreference } from "./tune.ts";

interface Summed {
  readonly norm: number;
  readonly elements: Readonly<Record<string, number>>;
}
const golden: {
  readonly scale: number;
  readonly config: object;
  readonly base: Readonly<Record<string, number[]>>;
  readonly prompt: number;
  readonly chosen: number[][];
  readonly rejected: number[][];
  readonly lengths: Readonly<Record<"chosen" | "rejected", number[]>>;
  readonly cases: readonly {
    readonly name: string;
    readonly options: PreferenceInput;
    readonly losses: number[];
    readonly logps: number[][];
    readonly gradients: Readonly<Record<string, Summed>>;
  }[];
} = JSON.parse(readFileSync(new URL("preference.golden.json", import.meta.url), "utf8"));

const device = openDevice("cpu", { threads: 1 });
const root = mkdtempSync(join(tmpdir(), "loam-preference-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** Numbers in [-1, 1) from a name and an index, as `formula` in make.py. */
function formula(name: string, n: number): Float64Array {
  let h = 0x811c9dc5;
  for (const byte of Buffer.from(name)) h = Math.imul(h ^ byte, 0x01000193);
  return Float64Array.from({ length: n }, (_, i) => {
    let x = (Math.imul(i, 0x9e3779b9) + h) >>> 0;
    x = Math.imul(x ^ (x >>> 16), 0x85ebca6b) >>> 0;
    x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35) >>> 0;
    x = (x ^ (x >>> 16)) >>> 0;
    return (x >>> 8) / 2 ** 23 - 1;
  });
}
async function goldenModel() {
  writeFileSync(join(root, "config.json"), JSON.stringify(golden.config));
  const read = (name: string, shape: number[]) =>
    Float32Array.from(formula(name, sizeOf(shape)), u => (shape.length === 1 && name.endsWith("weight") ? 1 : 0) + golden.scale * u);
  const sources = Object.entries(golden.base).map(([name, shape]) => ({
    name,
    dtype: "f32" as const,
    shape,
    read: () => read(name, shape),
  }));
  await writeSafetensors(join(root, "model.safetensors"), sources);
  return importHuggingFace(folderFiles(root), device);
}
const masked = (ids: readonly number[], length: number) => ({
  ids: Uint32Array.from(ids.slice(0, length)),
  trained: Uint8Array.from({ length }, (_, i) => (i >= golden.prompt ? 1 : 0)),
});
const goldenPairs: EncodedPair[] = golden.chosen.map((ids, i) => ({
  place: `p:${i}`,
  chosen: masked(ids, golden.lengths.chosen[i]!),
  rejected: masked(golden.rejected[i]!, golden.lengths.rejected[i]!),
}));

/** Our paths of the weights whose gradients are kept; theirs lie [out, in]. */
const kept: Readonly<Record<string, (p: never) => DeviceArray>> = {
  "model.layers.0.self_attn.q_proj.weight": (p: { blocks: { attention: { query: { weight: DeviceArray } } }[] }) =>
    p.blocks[0]!.attention.query.weight,
  "model.layers.1.mlp.down_proj.weight": (p: { blocks: { feedForward: { down: { weight: DeviceArray } } }[] }) =>
    p.blocks[1]!.feedForward.down.weight,
  "model.embed_tokens.weight": (p: { token: DeviceArray }) => p.token,
};

test("losses and gradients are TRL's: DPO, smoothed, IPO, SimPO, ORPO", async () => {
  const model = await goldenModel();
  const config = model.config as DecoderConfig;
  const layout = { pairs: 3, length: 10 };
  const batch = layPairs(goldenPairs, [0, 1, 2], layout);
  const shape = [6, 10];
  for (const { name, options, losses, logps, gradients } of golden.cases) {
    const recipe = check(preferenceFitOptions, options, name);
    const given = {
      tokens: await device.array(batch.tokens, "i32", shape),
      targets: await device.array(batch.targets, "i32", shape),
      weights: await device.array(batch.weights, "f32", shape),
      reference: await device.array(Float32Array.from([...logps[2]!, ...logps[3]!]), "f32", [6]),
      present: await device.array(Float32Array.of(1, 1, 1), "f32", [3]),
    };
    const program = compile((p: never, b: never) => pairTerms(config, p, b, recipe), { device });
    const out = (await program(model.parameters as never, given as never)) as unknown as Record<"loss" | "margin", DeviceArray>;
    for (const [i, l] of (await out.loss.numbers()).entries())
      expect(Math.abs(l / losses[i]! - 1), `${name}: pair ${i}`).toBeLessThan(2e-5);
    const gradient = compile(
      (p: never, b: never) => valueAndGrad((q: never, c: never) => mul(sum(pairTerms(config, q, c, recipe).loss), 1 / 3))(p, b)[1],
      { device },
    );
    const found = (await gradient(model.parameters as never, given as never)) as never;
    for (const [weight, want] of Object.entries(gradients)) {
      const array = kept[weight]!(found);
      const data = (await array.read()) as Float32Array;
      expect(Math.abs(Math.hypot(...data) / want.norm - 1), `${name}: ${weight}`).toBeLessThan(5e-5);
      const [rows, columns] = array.shape as [number, number];
      for (const [i, element] of Object.entries(want.elements)) {
        const at = Number(i);
        // a table lies the same way in both
        const ours = weight.includes("embed") ? data[at]! : data[(at % rows) * columns + Math.floor(at / rows)]!;
        expect(Math.abs(ours - element) / want.norm, `${name}: ${weight}[${i}]`).toBeLessThan(5e-5);
      }
    }
  }
});

const tokenizer = trainBpe(["who is it? it is a cat, it is a dog"], { vocab: 300, minFrequency: 1 });
const text = { tokenizer, chatTemplate: chatTemplate(), stopTokens: [tokenizer.idOf("<|end|>")!] };
const pair = (question: string, chosen: string, rejected: string): EncodedPair =>
  encodePair(
    text,
    {
      place: question,
      example: {
        kind: "preference",
        messages: [{ role: "user", content: question }],
        chosen: [{ role: "assistant", content: chosen }],
        rejected: [{ role: "assistant", content: rejected }],
      },
    },
    { length: 48 },
  )!;

test("both answers stand behind one prompt, and only they count", () => {
  const { chosen, rejected } = pair("who is it?", "a cat", "it is a dog");
  const first = chosen.trained.indexOf(1);
  expect([...chosen.ids.slice(0, first)]).toEqual([...rejected.ids.slice(0, first)]);
  const trained = (m: typeof chosen) => tokenizer.decode([...m.ids].filter((_, i) => m.trained[i]));
  expect([trained(chosen), trained(rejected)]).toEqual(["a cat<|end|>", "it is a dog<|end|>"]);
});

test("the preferred kind of answer becomes likelier than the other, on pairs that nothing was trained on; micro-batches add up", async () => {
  const config = {
    ...llamaConfig({ vocab: tokenizer.vocabSize, width: 32, layers: 2, heads: 2, context: 48, hidden: 48 }),
    deviation: 0.1,
  };
  const questions = Array.from({ length: 12 }, (_, i) => `who is number ${i}?`);
  const pairs = questions.map(q => pair(q, "a cat", "it is a dog"));
  const run = async (input: PreferenceInput, folder: string) =>
    tunePreference({
      device,
      config,
      parameters: await initialise(decoderSpec(config), device, 1),
      recipe: {
        ...check(
          preferenceFitOptions,
          { method: { lora: { rank: 4 } }, rate: 0.01, epochs: 3, evaluations: 1, beta: 0.5, ...input },
          "tune",
        ),
        length: 48,
      },
      train: pairs.slice(0, 8),
      validation: pairs.slice(8),
      identity: folder,
      folder: join(root, folder),
      progress: silent,
    });
  const { history } = await run({ pairs: 4 }, "one");
  expect(history[0]).toMatchObject({ margin: expect.closeTo(0, 5), loss: expect.closeTo(Math.log(2), 5) });
  expect(history.at(-1)!.loss).toBeLessThan(0.4);
  expect(history.at(-1)!.accuracy).toBe(1);
  const parts = (await run({ pairs: 2, accumulate: 2 }, "two")).history;
  expect(parts.length).toBe(history.length);
  for (const [i, s] of parts.entries()) expect(s.loss).toBeCloseTo(history[i]!.loss, 4);
});
