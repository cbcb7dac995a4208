/** Weight averages against PyTorch's AveragedModel and the mean of copies: src/train/golden/optimizers.golden.json. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { disposeTree, zerosSpec } from "../nn/index.ts";
import { type DeviceArray, openDevice } from "../tensor/index.ts";
import { openAveraging } from "./average.ts";
import { adamw, single } from "./optimizer.ts";
import type { AverageOptions } from "./part.ts";

const golden = JSON.parse(readFileSync(new URL("./golden/optimizers.golden.json", import.meta.url), "utf8")) as {
  readonly parameters: Readonly<
    Record<string, { readonly shape: number[]; readonly gradients: number[][]; readonly ema: number[][]; readonly lawa: number[][] }>
  >;
};
const device = openDevice("cpu", { threads: 1 });

/** The average after each of the golden points, which stand for the weights of steps. */
async function averagesOf(average: AverageOptions, { shape, gradients: points }: (typeof golden.parameters)[string]) {
  const averaging = openAveraging<{ w: ReturnType<typeof zerosSpec> }>({
    device,
    optimizer: single(adamw()),
    specs: { w: zerosSpec(shape) },
    steps: points.length,
    average,
  });
  const found: Float64Array[] = [];
  for (const [i, point] of points.entries()) {
    const parameters = { w: await device.array(Float32Array.from(point), "f32", shape) };
    const state = { parameters, optimizer: {}, step: i + 1, level: null, spikes: 0 };
    await averaging.take(state);
    const shown = await averaging.values(state);
    found.push(await (shown.parameters.w as DeviceArray).numbers());
    shown.release();
    disposeTree(parameters);
  }
  averaging.dispose();
  return found;
}

const close = (got: readonly Float64Array[], want: readonly (readonly number[])[]) => {
  for (const [t, w] of want.entries())
    for (const [i, x] of w.entries()) expect(Math.abs(got[t]![i]! - x)).toBeLessThan(1e-6 * (1 + Math.abs(x)));
};

for (const [name, p] of Object.entries(golden.parameters)) {
  test(`the exponential average is PyTorch's: the first weights are copied: ${name}`, async () => {
    close(await averagesOf({ kind: "ema", decay: 0.9, from: 0 }, p), p.ema);
  });
  test(`LAWA is the mean of the latest copies: ${name}`, async () => {
    close(await averagesOf({ kind: "lawa", keep: 3, every: 1, from: 0 }, p), p.lawa);
  });
}

test("an average begins after its fraction of the steps; before that the weights themselves are shown", async () => {
  const p = golden.parameters.vector!;
  const found = await averagesOf({ kind: "ema", decay: 0.9, from: 0.5 }, p);
  close(found.slice(0, 5), p.gradients.slice(0, 5));
  close([found[5]!], [p.gradients[4]!.map((x, i) => 0.9 * x + 0.1 * p.gradients[5]![i]!)]);
});
