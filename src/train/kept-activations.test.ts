/** Activations of training steps: a memory budget changes no bit, a precision that is chosen is the one that is given by name, and a resumed run keeps it. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, expect, test, vi } from "vitest";
import { cases } from "../../test/support/deep.ts";
import { type LoamError, type Tree, treeLeaves } from "../base/index.ts";
import { type DecoderSpec, decoderSpec, gpt2Config } from "../nn/index.ts";
import { type DeviceArray, openDevice } from "../tensor/index.ts";
import { decoderLoss } from "./decoder-training.ts";
import { adamw, single } from "./optimizer.ts";
import { fasterPrecision, hasBf16, precisionProblem } from "./precision.ts";
import { type PrecisionChoices, type PrecisionConditions, withPrecisionChoices } from "./precision-choices.ts";
import { type PretrainOptions, type PretrainResult, pretrain } from "./pretrain.ts";
import { toyModel, toyRecipe, toyRuns } from "./toy.laws.ts";
import { createTrainer, type TrainerOptions } from "./trainer.ts";

const device = openDevice("cpu", { threads: 1 });
const root = mkdtempSync(join(tmpdir(), "loam-kept-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
afterEach(() => void vi.unstubAllEnvs());

const [rows, length] = [8, 128];
const model = { ...toyModel, layers: 4, width: 64, hidden: 256, context: length };
/** GPT-2's: layer norms and biases. */
const biased = gpt2Config({ vocab: model.vocab, width: 64, layers: 3, heads: 4, context: length });
const ints = { shape: [rows, length], dtype: "i32" } as const;

async function trained(over: Partial<TrainerOptions<DecoderSpec, never>> = {}, of = model) {
  const trainer = await createTrainer({
    device,
    specs: decoderSpec(of),
    loss: decoderLoss(of, { dropout: 0.1, attentionBlock: 64 }) as never, // its batch is the one below
    batch: {
      tokens: { ...ints, below: model.vocab },
      targets: { ...ints, below: model.vocab },
      segments: ints,
      positions: ints,
      weights: { shape: [rows, length], dtype: "f32" },
      seed: { shape: [], dtype: "i32" },
    } as never,
    optimizer: single(adamw({})),
    rate: 3e-3,
    steps: 3,
    measureMemory: true,
    ...over,
  });
  const n = rows * length;
  const tokens = Int32Array.from({ length: n + 1 }, (_, i) => (i * i + 3 * i) % (model.vocab - 1));
  const losses: number[] = [];
  try {
    for (let i = 0; i < 3; i++)
      losses.push(
        (
          await trainer.step([
            {
              arrays: {
                tokens: tokens.subarray(0, n),
                targets: tokens.subarray(1),
                segments: Int32Array.from({ length: n }, (_, k) => Math.floor(k / length)),
                positions: Int32Array.from({ length: n }, (_, k) => k % length),
                weights: new Float32Array(n).fill(1),
                seed: Int32Array.of(i),
              },
              weight: n,
            },
          ])
        ).loss,
      );
    const { precision, precisionTimes, heldBytes: held } = trainer;
    return { losses, peak: trainer.peakBytes()!, kept: trainer.kept(), held, precision, precisionTimes };
  } finally {
    trainer.dispose();
  }
}

test("a memory budget recomputes what does not fit and changes no bit in float32, dropout and all", async () => {
  const plain = await trained();
  const roomy = await trained({ memoryBytes: 2 ** 34 });
  expect(roomy.losses).toEqual(plain.losses);
  expect(roomy.kept!.recomputed).toBe(0);
  const error = (await trained({ memoryBytes: plain.held + 1000 }).catch((e: unknown) => e)) as LoamError;
  expect(error.code).toBe("train/memory");
  const sentence = /at least ([\d.]+) MB \(parameters .*, gradients .*, optimizer .*, batches .*, activations ([\d.]+) (k|M)B\)/.exec(
    error.message,
  );
  expect(sentence).not.toBeNull();
  const tight = await trained({ memoryBytes: Math.ceil(1.02e6 * Number(sentence![1])) });
  expect(tight.losses).toEqual(plain.losses);
  expect(tight.kept!.recomputed).toBeGreaterThan(0);
  expect(tight.peak).toBeLessThan(0.85 * plain.peak);
}, 60_000);

test.each(cases(["on", "off"], 1))(
  "with biases and layer norms as well, machine code %s",
  async code => {
    vi.stubEnv("LOAM_MACHINE_CODE", code);
    const own = openDevice("cpu", { threads: 1 });
    const plain = await trained({ device: own }, biased);
    const error = (await trained({ device: own, memoryBytes: plain.held + 1000 }, biased).catch((e: unknown) => e)) as LoamError;
    const least = /at least ([\d.]+) MB/.exec(error.message)![1];
    const tight = await trained({ device: own, memoryBytes: Math.ceil(1.02e6 * Number(least)) }, biased);
    expect(tight.losses).toEqual(plain.losses);
    expect(tight.kept!.recomputed).toBeGreaterThan(0);
  },
  60_000,
);

test("parameters alone that are larger than the memory are an error that names them", async () => {
  await expect(trained({ memoryBytes: 1000 })).rejects.toThrow(/more than .* \(parameters .* got 1\.00 kB.*device\.memoryLimitBytes/);
});

test("bf16 is chosen where it is more than 2 % faster, and what is chosen gives the bits of the same precision by name", async () => {
  expect(fasterPrecision({ f32: 100, bf16: 99 })).toBe("f32");
  expect(fasterPrecision({ f32: 103, bf16: 100 })).toBe("bf16");
  const chosen = await trained({ precision: "auto" });
  expect((await trained({ precision: chosen.precision })).losses).toEqual(chosen.losses);
  if (hasBf16(device)) expect(fasterPrecision(chosen.precisionTimes!)).toBe(chosen.precision);
  else expect(chosen.precisionTimes).toBeUndefined();
});

test.skipIf(!hasBf16(device))(
  "the same recipe on the same machine keeps the precision that was chosen once, and others are timed",
  async () => {
    const kept: [PrecisionConditions, string][] = [];
    const choices: PrecisionChoices = {
      recall: c => (kept.some(([k]) => JSON.stringify(k) === JSON.stringify(c)) ? "f32" : undefined),
      keep: (c, precision) => void kept.push([c, precision]),
    };
    const within = (layers: number) => withPrecisionChoices(choices, () => trained({ precision: "auto" }, { ...model, layers }));
    const first = await within(1);
    expect(kept.map(([, precision]) => precision)).toEqual([first.precision]);
    // whatever a clock would say now
    expect(await within(1)).toMatchObject({ precision: "f32", precisionTimes: undefined });
    expect(kept).toHaveLength(1);
    expect((await within(2)).precisionTimes).toBeDefined();
    expect(kept).toHaveLength(2);
  },
);

const options = toyRuns(device, () => mkdtempSync(join(root, "run-")));

test("a run that chose its precision is not timed again when it resumes", async () => {
  const recipe = toyRecipe({ tokens: 6 * 256, precision: "auto" });
  const folder = mkdtempSync(join(root, "run-"));
  const stop = new AbortController();
  const progress: PretrainOptions["progress"] = e => {
    if (e.values!.step === 3) stop.abort(new Error("stop"));
  };
  await expect(pretrain(options(recipe, { folder, progress, signal: stop.signal }))).rejects.toThrow("stop");
  const resumed = await pretrain(options(recipe, { folder }));
  expect(resumed.resumedFrom).toBe(3);
  expect(resumed.precisionTimes).toBeUndefined();
});

const isHere = hasBf16(device);
const why = isHere ? "" : " (skipped: no machine code for 512-bit vectors)";
const numbersOf = async (r: PretrainResult) =>
  Promise.all(treeLeaves<DeviceArray>(r.parameters as Tree<DeviceArray>).map(a => a.numbers()));

test.skipIf(!isHere)(
  `in bf16 a resumed run ends with the bits of one that was not stopped, on one thread and on two${why}`,
  async () => {
    const wide = { ...toyModel, width: 128, context: 64 };
    const recipe = toyRecipe({ tokens: 6 * 8 * 64, length: 64, precision: "bf16", dropout: 0.1 });
    const whole = await numbersOf(await pretrain(options(recipe, { model: wide })));
    const folder = mkdtempSync(join(root, "run-"));
    const stop = new AbortController();
    const progress: PretrainOptions["progress"] = e => {
      if (e.values!.step === 3) stop.abort(new Error("stop"));
    };
    await expect(pretrain(options(recipe, { model: wide, folder, progress, signal: stop.signal }))).rejects.toThrow("stop");
    const resumed = await pretrain(options(recipe, { model: wide, folder }));
    expect(resumed.resumedFrom).toBe(3);
    expect(await numbersOf(resumed)).toEqual(whole);
    const two = openDevice("cpu", { threads: 2 });
    expect(await numbersOf(await pretrain(options(recipe, { model: wide, device: two })))).toEqual(whole);
  },
  60_000,
);

test("a precision that the machine has no code for is said with what runs instead, and the run goes on in float32", async () => {
  vi.stubEnv("LOAM_MACHINE_CODE", "off");
  const plain = openDevice("cpu", { threads: 1 });
  expect(precisionProblem("f32", plain)).toBeUndefined();
  expect(precisionProblem("auto", plain)).toBeUndefined();
  const problems: string[] = [];
  const result = await pretrain(
    options(toyRecipe({ tokens: 2 * 256, precision: "bf16" }), { device: plain, onProblem: p => problems.push(`${p.code} ${p.message}`) }),
  );
  expect(result.steps).toBe(2);
  expect(problems).toHaveLength(1);
  expect(problems[0]).toMatch(/^train\/precision precision: bf16: expected .*AVX-512.*Computes in float32/);
});
