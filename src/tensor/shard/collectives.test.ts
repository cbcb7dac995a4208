import { expect, test } from "vitest";
import { random } from "../../base/index.ts";
import { compile } from "../compile.ts";
import { openDevice } from "../device.ts";
import { sizeOf } from "../dtype.ts";
import { evaluate } from "../evaluate.ts";
import { add, allGather, allReduce, mul, reduceScatter, sum, tanh } from "../functions.ts";
import { valueAndGrad } from "../grad.ts";
import { graphHash, graphOf, loadGraph, sameGraph, storeGraph } from "../graph.ts";
import { simplify } from "../simplify.ts";
import { checkGraph } from "../spec.ts";
import { constant, input, Tensor } from "../tensor.ts";
import { evaluateRanks } from "./evaluate-ranks.ts";
import { meshOf } from "./mesh.ts";

const mesh = meshOf({ data: 2, tensor: 3 });
const shape = [2, 6];
const x = input("x", shape);

/** Each collective as a function of one rank's array. */
const collectives = {
  "all-reduce of sums": (t: Tensor) => allReduce(t, "tensor", 3),
  "all-reduce of the greatest": (t: Tensor) => allReduce(t, "tensor", 3, "max"),
  "all-gather": (t: Tensor) => allGather(t, "data", 2, 0),
  "reduce-scatter": (t: Tensor) => reduceScatter(t, "tensor", 3, 1),
  "one after another": (t: Tensor) => reduceScatter(tanh(allGather(allReduce(t, "data", 2), "tensor", 3, 1)), "tensor", 3, 1),
} as const;

const values = (seed: string) => {
  const r = random(seed);
  return Array.from({ length: mesh.ranks }, () => Float64Array.from({ length: sizeOf(shape) }, () => r.normal()));
};

for (const [name, collective] of Object.entries(collectives))
  test(`${name}: gradients equal central differences of the sum over all ranks`, () => {
    const weights = constant(
      Array.from({ length: collective(x).size }, (_, i) => Math.sin(i + 1)),
      "f32",
    );
    const [loss, slope] = valueAndGrad((t: Tensor) => {
      const y = collective(mul(t, 1.5));
      return sum(mul(tanh(y), new Tensor("reshape", [weights], { shape: y.shape })));
    })(x);
    const at = (given: readonly Float64Array[], output: Tensor) =>
      evaluateRanks(
        mesh,
        given.map(v => ({ outputs: [output], given: new Map([[x, v]]) })),
        { exact: true },
      ).map(([v]) => v!);
    const start = values(name);
    const total = (given: readonly Float64Array[]) => at(given, loss).reduce((s, [v]) => s + v!, 0);
    const slopes = at(start, slope);
    const step = 1e-6;
    for (let rank = 0; rank < mesh.ranks; rank++)
      for (const i of [0, 3, 7, 11]) {
        const moved = (by: number) => start.map((v, r) => (r === rank ? v.with(i, v[i]! + by) : v));
        expect(slopes[rank]![i]).toBeCloseTo((total(moved(step)) - total(moved(-step))) / (2 * step), 7);
      }
  });

test("an all-reduce is a reduce-scatter and an all-gather", () => {
  const both = allGather(reduceScatter(x, "tensor", 3, 1), "tensor", 3, 1);
  const given = values("both").map(v => ({ outputs: [both, allReduce(x, "tensor", 3)], given: new Map([[x, v]]) }));
  const found = evaluateRanks(mesh, given, { exact: true });
  for (const [a, b] of found) expect([...a!]).toEqual([...b!]);
  // of its own group of three, and not of the other
  expect([...found[0]![0]!]).not.toEqual([...found[3]![0]!]);
  expect([...found[0]![0]!]).toEqual([...found[2]![0]!]);
});

test("a collective of one rank is what it is given, and simplifies away", async () => {
  const y = add(allReduce(x, "data", 1), reduceScatter(allGather(x, "tensor", 1, 0), "tensor", 1, 1));
  const [value] = evaluate([y], new Map([[x, Float64Array.from({ length: 12 }, (_, i) => i)]]));
  expect([...value!]).toEqual(Array.from({ length: 12 }, (_, i) => 2 * i));
  const kinds = simplify(graphOf([x], [y])).outputs.map(t => [t.kind, t.inputs.map(i => i.kind)]);
  expect(kinds).toEqual([["add", ["input", "input"]]]);
});

test("collectives of two numbers are never joined, those without one are", () => {
  const twice = (orders: readonly (number | undefined)[]) =>
    simplify(
      graphOf(
        [x],
        orders.map(
          order => new Tensor("allReduce", [x], { axis: "data", ranks: 2, reduce: "sum", ...(order === undefined ? {} : { order }) }),
        ),
      ),
    );
  expect(new Set(twice([0, 1]).outputs).size).toBe(2);
  expect(new Set(twice([undefined, undefined]).outputs).size).toBe(1);
});

test("one rank cannot compute a collective of several: evaluator and device say so and what to use", async () => {
  const y = allReduce(x, "data", 2);
  expect(() => evaluate([y], new Map([[x, new Float64Array(12)]]))).toThrow(/a collective of 2 ranks along "data".*evaluateRanks/);
  const device = openDevice("cpu", { threads: 1 });
  const program = compile((t: Tensor) => allReduce(t, "data", 2), { device });
  await expect(program(await device.zeros(shape))).rejects.toThrow(/a collective of 2 ranks along "data".*runSharded/);
});

test("ranks that do not meet in one collective are named", () => {
  const two = meshOf({ data: 2 });
  const given = new Map([[x, new Float64Array(12)]]);
  const run = (a: Tensor, b: Tensor) => () =>
    evaluateRanks(two, [
      { outputs: [a], given },
      { outputs: [b], given },
    ]);
  expect(run(allReduce(x, "data", 2), allGather(x, "data", 2, 0))).toThrow(/rank 1: expected allReduce .* as rank 0, got allGather/);
  expect(run(allReduce(x, "data", 2), add(x, 1))).toThrow(/rank 1: expected allReduce .*, got the end of its program/);
  expect(run(allReduce(x, "data", 3), allReduce(x, "data", 3))).toThrow(/a collective of 2 ranks, got 3/);
  expect(() => evaluateRanks(two, [])).toThrow(/expected 2 programs, got 0/);
});

test("a stored program with collectives loads as the same one; axes and sizes that cannot be are refused", () => {
  const graph = graphOf([x], [reduceScatter(allGather(allReduce(x, "data", 2, "max"), "tensor", 3, 0), "tensor", 3, 1)]);
  expect(sameGraph(loadGraph(storeGraph(graph)), graph)).toBe(true);
  expect(graphHash(graph)).not.toBe(graphHash(graphOf([x], [allReduce(x, "data", 2)])));
  checkGraph(graph);
  expect(() => checkGraph(graphOf([x], [allReduce(x, "model" as never, 2)]))).toThrow(/an axis of pipeline/);
  expect(() => reduceScatter(x, "data", 4, 1)).toThrow(/a dimension that 4 ranks divide, got 6/);
  expect(() => allGather(x, "data", 0, 0)).toThrow(/1 rank or more/);
});
