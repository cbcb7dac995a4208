/** Laws of the proof of a merge of models that read texts: what is counted, and that what a form changes is found. */
import { afterAll, expect, test } from "vitest";
import { check, random } from "../../base/index.ts";
import {
  bertConfig,
  type Encoder,
  type EncoderConfig,
  encoderSpec,
  encoderStates,
  initialise,
  type Linear,
  llamaConfig,
  type ModelConfig,
  meanPooled,
  quantiseEncoder,
  specOfModel,
  withClassifier,
} from "../../nn/index.ts";
import { type DeviceArray, openDevice } from "../../tensor/index.ts";
import { predictorOf, proofReading, textReader } from "../text-head/predict.ts";
import {
  type MethodInput,
  mergedModel,
  methodOptions,
  probeOf,
  type ReadTexts,
  type TunedArrays,
  textChange,
  textProof,
  tuningOf,
} from "./index.ts";

const device = openDevice("cpu", { threads: 1 });
afterAll(() => device.dispose());

test("of classes the greatest change of a logit and the texts of another class are told", () => {
  const before = [
    [1, 2],
    [3, -1],
    [0, 0.5],
  ];
  const after = [
    [1, 2.25],
    [3, 3.5],
    [0, 0.5],
  ];
  expect(textChange("classes", before, after)).toEqual({ greatest: 4.5, others: 1 });
  expect(textChange("number", [[100], [-3]], [[101.5], [-3]])).toEqual({ greatest: 1.5 });
});

test("of vectors 1 - cosine is told, to digits that a difference of cosines has not, and their lengths count for nothing", () => {
  const angle = 1e-6;
  const before = [Float64Array.of(1, 0), Float64Array.of(0, 1)];
  const turned = [Float64Array.of(5 * Math.cos(angle), 5 * Math.sin(angle)), Float64Array.of(0, 0.25)];
  const { greatest, others } = textChange("vector", before, turned);
  expect(greatest).toBeCloseTo(angle ** 2 / 2, 20);
  expect(others).toBe(0);
});

test("a nearest neighbour is another one only where it was less near before: copies share their places", () => {
  const at = (degrees: number) => [Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180)];
  const before = [0, 10, 30, 30].map(at);
  // 10 is now nearer to 30 than to 0; which of the copies it is does not matter, and the copies have each other
  expect(textChange("vector", before, [0, 18, 30, 30].map(at)).others).toBe(1);
  expect(textChange("vector", before, [0, 10, 30.00001, 29.99999].map(at)).others).toBe(0);
  expect(textChange("vector", [at(0)], [at(50)]).others).toBe(0);
});

test("a probe is the first texts, bounded in texts and in tokens, and never empty", () => {
  const texts = (count: number, tokens: number) => Array.from({ length: count }, () => new Uint32Array(tokens));
  expect(probeOf(texts(10, 5))).toHaveLength(10);
  expect(probeOf(texts(1000, 5))).toHaveLength(256);
  expect(probeOf(texts(1000, 512))).toHaveLength(32);
  expect(probeOf(texts(3, 100_000))).toHaveLength(1);
  expect(probeOf([])).toEqual([]);
});

const size = { vocab: 40, width: 64, layers: 2, heads: 4, context: 24 } as const;
const draw = random("proof");
const texts = Array.from({ length: 40 }, () => Array.from({ length: 2 + draw.below(20) }, () => draw.below(40)));
const encoder: ModelConfig = { family: "encoder", config: { ...bertConfig(size), headless: true, deviation: 0.3 } };
const decoder: ModelConfig = { family: "decoder", config: { ...llamaConfig({ ...size, hidden: 128 }), deviation: 0.2 } };
const classes = { labels: ["a", "b", "c"], kind: "one", pooling: "mean" } as const;
const methodOf = (input: MethodInput) => check(methodOptions, input, "method");

/** Arrays of a method whose factors have been somewhere: drawn, where a start has zeros. */
async function tunedArrays<S>(specs: S, method: MethodInput, base: unknown, whole: readonly string[]): Promise<TunedArrays<S>> {
  const tuning = tuningOf(methodOf(method), specs, { whole });
  const { trainable, frozen } = await tuning.start(base, device, 1);
  for (const path of tuning.changes.keys()) {
    const { up } = trainable[path] as unknown as { readonly up: DeviceArray };
    await up.write(Float32Array.from({ length: up.shape.reduce((a, b) => a * b, 1) }, () => draw.normal() * 0.1));
  }
  return { tuning, trainable, frozen };
}
const readHead = (model: ModelConfig): ReadTexts =>
  proofReading(parameters => predictorOf({ device, model, longest: 24, parameters }), texts);
const headOf = (tree: unknown) => (tree as { readonly classifier: { readonly output: { readonly bias: DeviceArray } } }).classifier.output;

test.each([
  ["an encoder by LoRA", encoder, { lora: { rank: 4 } }],
  ["an encoder by DoRA", encoder, { dora: { rank: 4 } }],
  ["an encoder in 4 bits", encoder, { qlora: { rank: 4 } }],
  ["a decoder by rsLoRA", decoder, { rslora: { rank: 4 } }],
  ["a decoder in 4 bits", decoder, { qlora: { rank: 4 } }],
] as const)("a classifier's merge is the model that was tuned: %s", async (_, base, method) => {
  const model = withClassifier(base, classes);
  const specs = specOfModel(model);
  const tuned = await tunedArrays(specs, method, await initialise(specs, device, 1), ["classifier"]);
  const merged = await mergedModel(tuned.tuning, tuned.frozen, tuned.trainable, device);
  const proof = await textProof({ output: "classes", ...tuned, merged, read: readHead(model) });
  expect(proof).toMatchObject({ output: "classes", texts: 40, merged: { others: 0 } });
  expect(proof.greatest!).toBeGreaterThan(0.1);
  expect(proof.merged!.greatest).toBeLessThan(1e-4 * proof.greatest!);
  expect(proof.quantised).toBeUndefined();
  // the factors matter: without them it would be another model
  const rest = await tunedArrays(specs, "full", await initialise(specs, device, 1), []);
  const [before, after] = [
    await readHead(model)((p: never) => p, [await mergedModel(rest.tuning, rest.frozen, rest.trainable, device)]),
    await readHead(model)((p: never) => p, [merged]),
  ];
  expect(textChange("classes", before, after).greatest).toBeGreaterThan(0.01);
});

test("what a merged or a quantised form gives otherwise is found, to the last digit of it", async () => {
  const model = withClassifier(encoder, { ...classes, kind: "value", labels: ["stars"] });
  const specs = specOfModel(model);
  const tuned = await tunedArrays(specs, { lora: { rank: 2 } }, await initialise(specs, device, 1), ["classifier"]);
  const merged = await mergedModel(tuned.tuning, tuned.frozen, tuned.trainable, device);
  const bias = await device.array(Float32Array.of(7.5), "f32", [1]);
  const moved = {
    ...(merged as object),
    classifier: { ...(merged as never as { classifier: object }).classifier, output: { ...headOf(merged), bias } },
  };
  const proof = await textProof({
    output: "number",
    ...tuned,
    merged,
    quantised: { form: "moved", parameters: moved },
    read: readHead(model),
  });
  const shift = 7.5 - ((await headOf(merged).bias.read()) as Float32Array)[0]!;
  expect(proof.quantised!.greatest).toBeCloseTo(Math.abs(shift), 4);
  expect(proof.merged!.greatest).toBeLessThan(1e-4);
  const wrong = await textProof({ output: "number", ...tuned, merged: moved, read: readHead(model) });
  expect(wrong.merged!.greatest).toBeCloseTo(Math.abs(shift), 4);
});

test("where weights themselves are tuned there is nothing to merge, and 8 bits are measured all the same", async () => {
  const config = encoder.config as EncoderConfig;
  const specs = encoderSpec(config);
  const tuned = await tunedArrays(specs, "full", await initialise(specs, device, 1), []);
  const merged = await mergedModel(tuned.tuning, tuned.frozen, tuned.trainable, device);
  const parameters = await quantiseEncoder(merged, device);
  const read = proofReading(
    made =>
      textReader({
        device,
        longest: 24,
        parameters: made,
        read: (p, tokens, present) => meanPooled(encoderStates(config, p as Encoder, tokens, { present }), present),
      }),
    texts,
  );
  const proof = await textProof({ output: "vector", ...tuned, merged, quantised: { form: "int8", parameters }, read });
  expect(proof.merged).toBeUndefined();
  expect(proof.quantised!.greatest).toBeGreaterThan(1e-7);
  expect(proof.quantised!.greatest).toBeLessThan(0.02);
  const [a, b] = [await read((p: never) => p, [merged]), await read((p: never) => p, [parameters])];
  expect(proof.quantised).toEqual({ form: "int8", ...textChange("vector", a, b) });
});

test("merging into weights in 8 bits is refused by the weight's name", async () => {
  const model = withClassifier(encoder, classes);
  const specs = specOfModel(model);
  const floats = await initialise(specs, device, 1);
  const coded = await quantiseEncoder(floats as never, device);
  expect((coded.blocks[0]!.feedForward.up as unknown as Linear).weight).toHaveProperty("codes");
  const tuned = await tunedArrays(specs, { lora: { rank: 2, targets: ["feedForward.up"] } }, coded, ["classifier"]);
  await expect(mergedModel(tuned.tuning, tuned.frozen, tuned.trainable, device)).rejects.toThrow(
    "blocks.0.feedForward.up: expected a float weight, got a quantised one. Merge into the full weights, then quantise.",
  );
});
