import fc from "fast-check";
import { expect, test } from "vitest";
import { rounds } from "../../../test/support/deep.ts";
import { type Random, random } from "../../base/index.ts";
import { cases } from "../cases.laws.ts";
import { isFloat } from "../dtype.ts";
import * as f from "../functions.ts";
import { valueAndGrad, vjp } from "../grad.ts";
import { graphOf } from "../graph.ts";
import type { Shape } from "../shape.ts";
import { constant, input, type Tensor } from "../tensor.ts";
import { type Sharding, shardLayoutOf } from "./layout.ts";
import { type Mesh, type MeshAxis, meshOf } from "./mesh.ts";
import { shardGraph, sumCollectives } from "./shard-graph.ts";
import { evaluateSharded, shardedError } from "./sharded.laws.ts";

const seed = Number(process.env.LOAM_TEST_SEED ?? 1);
const axes = ["data", "sequence", "tensor"] as const;
const meshes = [meshOf({ tensor: 2 }), meshOf({ data: 2, tensor: 2 }), meshOf({ sequence: 2, data: 2 })];

/** A sharding of a shape drawn from those that fit. */
function drawSharding(r: Random, mesh: Mesh, shape: Shape, canBePartial: boolean): Sharding {
  let sharding: Sharding = {};
  for (const axis of axes) {
    const at = r.below(shape.length + 2);
    const next: Sharding =
      at < shape.length
        ? { ...sharding, split: { ...sharding.split, [axis]: at } }
        : canBePartial && at === shape.length && mesh.sizes[axis] > 1
          ? { ...sharding, partial: [...(sharding.partial ?? []), axis] }
          : sharding;
    try {
      shardLayoutOf(mesh, shape, next, "law");
      sharding = next;
    } catch {}
  }
  return sharding;
}

for (const [kind, row] of Object.entries(cases))
  test(`${kind}: on any layout of its inputs and its result, ranks compute what one computes, and its gradient (seed ${seed})`, () => {
    const r = random(`${seed}/sharded/${kind}`);
    const dtype = row.dtypes.includes("f32") ? "f32" : row.dtypes[0]!;
    for (let round = 0; round < rounds(60, 12); round++) {
      const mesh = meshes[round % meshes.length]!;
      const c = row.draw(r, dtype);
      const floats = c.inputs.filter(x => isFloat(x.dtype));
      const slopes =
        c.smooth && isFloat(c.output.dtype)
          ? vjp(c.output, floats, f.mul(f.sin(f.cast(c.output, "f32")), 1) as Tensor).flatMap(d => d ?? [])
          : [];
      const graph = graphOf(c.inputs, [c.output, ...slopes]);
      const inputs = Object.fromEntries(c.inputs.map(x => [x.attributes.name, drawSharding(r, mesh, x.shape, isFloat(x.dtype))]));
      const outputs = graph.outputs.map(t => (r.below(3) ? drawSharding(r, mesh, t.shape, isFloat(t.dtype)) : ("computed" as const)));
      const sequence = r.below(2) ? { sequence: { rows: 2, lengths: [2, 4], axes: ["tensor"] as MeshAxis[] } } : {};
      const { error, where } = shardedError(graph, c.values, { mesh, inputs, outputs, ...sequence });
      expect(error, `round ${round}: ${where}, inputs ${JSON.stringify(inputs)}`).toBeLessThan(1e-11);
    }
  });

test("a product by columns and one by rows need one all-reduce, forward and backward", () => {
  const x = input("x", [8, 6]);
  const [up, down] = [input("up", [6, 4]), input("down", [4, 6])];
  const loss = ([a, b]: readonly Tensor[]) =>
    f.sum(f.square(f.add(f.matmul(f.gelu(f.matmul(f.rmsNorm(x, constant([1, 1, 1, 1, 1, 1])), a!)), b!), x)));
  const [value, slopes] = valueAndGrad(loss as never)([up, down] as never) as unknown as [Tensor, Tensor[]];
  const mesh = meshOf({ tensor: 2 });
  const sharded = shardGraph(graphOf([x, up, down], [value, ...slopes]), {
    mesh,
    inputs: { up: { split: { tensor: 1 } }, down: { split: { tensor: 0 } } },
    outputs: [{}, { split: { tensor: 1 } }, { split: { tensor: 0 } }],
  });
  expect(sumCollectives(sharded.rank(0).report)).toEqual({ allReduce: { count: 1, bytes: 8 * 6 * 4 } });
});

test("data parallelism: gradients are summands until somebody wants them whole", () => {
  const x = input("x", [8, 6]);
  const w = input("w", [6, 4]);
  const [value, slope] = valueAndGrad((p: Tensor) => f.sum(f.square(f.matmul(x, p))))(w);
  const mesh = meshOf({ data: 2 });
  const graph = graphOf([x, w], [value, slope]);
  const inputs = { x: { split: { data: 0 } } };
  const local = shardGraph(graph, { mesh, inputs, outputs: [{ partial: ["data"] }, { partial: ["data"] }] });
  expect(local.rank(1).report.collectives).toEqual([]);
  const whole = shardGraph(graph, { mesh, inputs });
  expect(whole.rank(1).report.collectives.map(c => [c.kind, c.axis, c.for])).toEqual([
    ["allReduce", "data", "output"],
    ["allReduce", "data", "output"],
  ]);
  // a part of the gradient for each rank: ZeRO's reduce-scatter
  const parted = shardGraph(graph, { mesh, inputs, outputs: [{ partial: ["data"] }, { split: { data: 0 } }] });
  expect(sumCollectives(parted.rank(0).report)).toEqual({ reduceScatter: { count: 1, bytes: 6 * 4 * 4 } });
});

test("what no rule is written for is gathered, and the report says for which operation and how many bytes", () => {
  const x = input("x", [4, 8]);
  const sharded = shardGraph(graphOf([x], [f.cumsum(x, 1)]), { mesh: meshOf({ tensor: 2 }), inputs: { x: { split: { tensor: 1 } } } });
  expect(sharded.rank(0).report.collectives).toEqual([
    { kind: "allGather", axis: "tensor", bytes: 4 * 8 * 4, for: "cumsum", isFallback: true },
  ]);
  expect(sumCollectives(sharded.rank(0).report).fallback).toEqual({ count: 1, bytes: 128 });
});

test("dropout draws the same mask on any mesh, each rank its own part", () => {
  const [x, drawnFrom] = [input("x", [4, 6, 8]), input("seed", [], "i32")];
  const masked = f.mul(x, f.cast(f.lessEqual(0.5, f.randomUniform(drawnFrom, x.shape, 3)), "f32"));
  const graph = graphOf([x, drawnFrom], [masked]);
  const options = { mesh: meshOf({ data: 2, sequence: 3, tensor: 2 }), inputs: { x: { split: { data: 0, sequence: 1, tensor: 2 } } } };
  const sharded = shardGraph(graph, { ...options, outputs: ["computed"] });
  const values = [Float64Array.from({ length: 192 }, (_, i) => 1 + i), Float64Array.of(7)];
  expect(shardedError(graph, values, { ...options, outputs: ["computed"] }).error).toBe(0);
  const drawn = sharded.rank(5).graph.outputs[0]!.inputs[1]!.inputs[0]!.inputs.find(t => t.kind === "randomUniform")!;
  expect(drawn.shape).toEqual([2, 2, 4]);
  expect(sharded.rank(0).report.collectives).toEqual([]);
});

test("ranks whose sums should agree do, whatever is drawn", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1000 }), draw => {
      const r = random(`agree/${draw}`);
      const [a, b] = [input("a", [4, 4]), input("b", [4, 4])];
      const y = f.softmax(f.matmul(f.add(a, b), f.transpose(f.tanh(b))));
      const graph = graphOf([a, b], [f.logSumExp(y), f.sum(f.mul(y, y))]);
      const mesh = meshes[draw % meshes.length]!;
      const inputs = { a: drawSharding(r, mesh, a.shape, true), b: drawSharding(r, mesh, b.shape, true) };
      const values = [0, 1].map(() => Float64Array.from({ length: 16 }, () => r.normal()));
      expect(shardedError(graph, values, { mesh, inputs }).error).toBeLessThan(1e-12);
    }),
  );
});

test("names that no input has, layouts that do not fit and programs of many ranks are refused", () => {
  const x = input("x", [6, 6]);
  const mesh = meshOf({ tensor: 4 });
  const graph = graphOf([x], [f.exp(x)]);
  expect(() => shardGraph(graph, { mesh, inputs: { y: {} } })).toThrow(/names of the program's inputs \(x\), got "y"/);
  expect(() => shardGraph(graph, { mesh, inputs: { x: { split: { tensor: 0 } } } })).toThrow(
    /input x: expected dimension 0 of \[6, 6\] to be a multiple of tensor \(4\), got 6/,
  );
  expect(() => shardGraph(graph, { mesh, inputs: {}, outputs: [{ split: { tensor: 3 } }] })).toThrow(/output 0: expected a dimension/);
  expect(() => shardGraph(graphOf([x], [f.allReduce(x, "data", 2)]), { mesh, inputs: {} })).toThrow(/a program of one rank/);
  expect(() => shardGraph(graph, { mesh, inputs: {} }).rank(4)).toThrow(/a rank from 0 to 3/);
  expect(evaluateSharded(shardGraph(graph, { mesh, inputs: {} }), [new Float64Array(36)])[0]![0]).toBe(1);
});
