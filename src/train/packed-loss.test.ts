/** The proof of packing: rows that documents share have the loss and the gradient of rows with one document each. */
import { expect, test } from "vitest";
import { type Tree, treeFrom, treeLeaves, treePaths } from "../base/index.ts";
import { type ParameterSpec, startValues, type TensorsOf } from "../nn/index.ts";
import { constant, evaluate, type Tensor, valueAndGrad } from "../tensor/index.ts";
import { decoderLoss, type TrainedSpec, trainedSpec } from "./decoder-training.ts";
import { type PackedBatch, packer } from "./packing.ts";
import { toyEnd, toyModel, toyShards } from "./toy.laws.ts";

const length = 32;
const recipe = { dropout: 0, rematerialise: false, attentionBlock: 16 };
// a tree of specifications, which its interface does not say
const specs = trainedSpec(toyModel, {}) as unknown as Tree<ParameterSpec>;
const parameters = treeFrom<ParameterSpec, Tensor>(
  specs,
  treePaths<ParameterSpec>(specs).map(([path, s]) =>
    constant(
      Float32Array.from(startValues({ ...s }, path, 1), x => 5 * x),
      "f32",
      s.shape,
    ),
  ),
) as TensorsOf<TrainedSpec>;

/** All rows of an epoch. */
function epochOf(packing: "best-fit" | "none"): PackedBatch[] {
  const p = packer(toyShards("proof", 12), { rows: 1, length, end: toyEnd, seed: "proof", packing });
  const rows: PackedBatch[] = [];
  while (p.state().epoch === 0) rows.push(p.next());
  return rows.filter(b => b.weights.some(w => w > 0));
}

/** Sum of the losses, and its gradient by parameter, in float64. */
function lossAndGradient(rows: readonly PackedBatch[]): Float64Array[] {
  const joined = (key: "tokens" | "targets" | "segments" | "positions") => Int32Array.from(rows.flatMap(b => [...b[key]]));
  const shape = [rows.length, length];
  const ids = (key: Parameters<typeof joined>[0]) => constant(joined(key), "i32", shape);
  const batch = {
    tokens: ids("tokens"),
    targets: ids("targets"),
    segments: ids("segments"),
    positions: ids("positions"),
    weights: constant(Float32Array.from(rows.flatMap(b => [...b.weights])), "f32", shape),
    seed: constant(Int32Array.of(0), "i32", []),
  };
  const loss = decoderLoss(toyModel, recipe);
  const [value, gradient] = valueAndGrad((p: TensorsOf<TrainedSpec>) => loss(p, batch, constant(Float32Array.of(1), "f32", [])))(
    parameters,
  );
  return evaluate([value, ...treeLeaves<Tensor>(gradient as unknown as Tree<Tensor>)], new Map(), { exact: true });
}

test("packed rows have the loss and the gradient of one document a row", () => {
  const [packed, apart] = [epochOf("best-fit"), epochOf("none")];
  expect(apart).toHaveLength(12);
  expect(packed.length).toBeLessThan(8);
  const [a, b] = [lossAndGradient(packed), lossAndGradient(apart)];
  expect(a).toHaveLength(b.length);
  for (const [i, x] of a.entries()) {
    const scale = Math.max(...b[i]!.map(Math.abs));
    expect(scale).toBeGreaterThan(0);
    const apartness = x.reduce((most, v, k) => Math.max(most, Math.abs(v - b[i]![k]!)), 0);
    expect(apartness / scale).toBeLessThan(1e-11);
  }
});
