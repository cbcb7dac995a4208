/** A sentence encoder as machine code beside the compiled programs over the same 8-bit weights. */
import { afterAll, expect, test } from "vitest";
import { random } from "../../base/index.ts";
import {
  bertConfig,
  calibrateEncoder,
  type Encoder,
  encoderSpec,
  encoderStates,
  initialise,
  machineEncoderReady,
  quantiseEncoder,
} from "../../nn/index.ts";
import { compile, openDevice, type Tensor } from "../../tensor/index.ts";
import { tinyEncoder } from "../http/fakes.ts";
import { openMachineProgram } from "./machine-program.ts";
import type { ServedEncoder } from "./served-encoder.ts";

const device = openDevice("cpu", { threads: 2 });
afterAll(() => device.dispose());

const tiny = await tinyEncoder(device);
const config = { ...bertConfig({ vocab: 157, width: 96, layers: 3, heads: 3, context: 200 }), headless: true, deviation: 0.15 };
const full = await initialise(encoderSpec(config), device, 5);
const r = random("encoder");
const textOf = (length: number) => Array.from({ length }, () => r.below(config.vocab));
const ranges = await calibrateEncoder(config, full as never, device, [textOf(50), textOf(120)]);
const parameters = await quantiseEncoder(full as never, device, { ranges });
const model: ServedEncoder = { ...tiny, config, parameters: parameters as ServedEncoder["parameters"], longest: 200 };

const isHere = machineEncoderReady(config, model.parameters, device) !== undefined;
const why = isHere ? "" : " (skipped: no Linux on a processor with AVX-512 VNNI)";
const machineTest = test.skipIf(!isHere);

const cosine = (a: Float32Array, b: Float32Array): number =>
  a.reduce((s, x, i) => s + x * b[i]!, 0) / (Math.hypot(...a) * Math.hypot(...b));

machineTest(`vectors are those of the traced encoder but for rounding, for texts of every length and both poolings${why}`, async () => {
  const traced = compile((p: Encoder, tokens: Tensor) => encoderStates(config, p, tokens), { device, constant: [0] });
  for (const pooling of ["mean", "cls"] as const) {
    const program = (await openMachineProgram({ ...model, pooling }, device))!;
    for (const length of [1, 2, 5, 6, 7, 16, 63, 64, 65, 128, 200]) {
      const text = textOf(length);
      const tokens = await device.array(Int32Array.from(text), "i32", [1, length]);
      const states = (await (await traced(model.parameters as never, tokens)).read()) as Float32Array;
      const want = new Float32Array(config.width);
      for (let row = 0; row < (pooling === "cls" ? 1 : length); row++)
        for (let i = 0; i < config.width; i++) want[i]! += states[row * config.width + i]!;
      const width = program.widths.find(w => w >= length)!;
      const [got] = await program.run([text], width);
      expect(cosine(got!, want)).toBeGreaterThan(0.998);
      expect(Math.hypot(...got!)).toBeCloseTo(1, 5);
    }
    program.dispose();
  }
});

machineTest(`a text gets the same bits alone, in a batch, and at every width${why}`, async () => {
  const program = (await openMachineProgram(model, device))!;
  const texts = [3, 16, 1, 12, 7, 9].map(textOf);
  const together = await program.run(texts, 16);
  for (const [i, text] of texts.entries())
    for (const width of program.widths) expect((await program.run([text], width))[0]).toEqual(together[i]);
  program.dispose();
});

machineTest(`calls at once get their own vectors${why}`, async () => {
  const program = (await openMachineProgram(model, device))!;
  const texts = Array.from({ length: 8 }, (_, i) => textOf(4 + i));
  const alone: Float32Array[] = [];
  for (const text of texts) alone.push((await program.run([text], 16))[0]!);
  expect((await Promise.all(texts.map(t => program.run([t], 16)))).map(([v]) => v)).toEqual(alone);
  program.dispose();
});

machineTest(`a text whose numbers break down spoils no other, then or later${why}`, async () => {
  const table = ((await model.parameters.token.read()) as Float32Array).slice();
  table.fill(Number.NaN, 13 * config.width, 14 * config.width);
  const token = await device.array(table, "f32", model.parameters.token.shape);
  const program = (await openMachineProgram({ ...model, parameters: { ...model.parameters, token } }, device))!;
  const [want] = await program.run([[1, 2, 3]], 16);
  const [bad, good] = await program.run(
    [
      [13, 2, 5, 6, 7, 8],
      [1, 2, 3],
    ],
    16,
  );
  expect(bad!.every(Number.isNaN)).toBe(true);
  expect(good).toEqual(want);
  // where the broken one lay before
  expect((await program.run([[1, 2, 3]], 16))[0]).toEqual(want);
  program.dispose();
});

test("float weights and classifiers are left to the compiled programs", async () => {
  expect(await openMachineProgram(tiny, device)).toBeUndefined();
});

machineTest(`without pooling a text keeps one vector a token, whose mean is its vector, alone and in company${why}`, async () => {
  const pooled = (await openMachineProgram({ ...model, normalise: false }, device))!;
  const program = (await openMachineProgram({ ...model, pooling: "none", normalise: false }, device))!;
  const texts = [3, 16, 7].map(textOf);
  const [together, means] = [await program.run(texts, 16), await pooled.run(texts, 16)];
  for (const [i, text] of texts.entries()) {
    expect(together[i]!.length).toBe(text.length * config.width);
    expect((await program.run([text], 16))[0]).toEqual(together[i]);
    for (let k = 0; k < config.width; k++) {
      const sum = text.reduce((s, _, row) => s + together[i]![row * config.width + k]!, 0);
      expect(sum / text.length).toBeCloseTo(means[i]![k]!, 4);
    }
  }
  pooled.dispose();
  program.dispose();
});
