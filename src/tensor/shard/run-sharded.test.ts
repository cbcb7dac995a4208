import { afterAll, expect, test } from "vitest";
import { random } from "../../base/index.ts";
import { openDevice } from "../device.ts";
import type { DeviceArray } from "../device-array.ts";
import { fromNumbers, sizeOf, toNumbers } from "../dtype.ts";
import { evaluate } from "../evaluate.ts";
import * as f from "../functions.ts";
import { valueAndGrad } from "../grad.ts";
import { type Graph, graphOf } from "../graph.ts";
import { constant, input, isCollective, type Tensor } from "../tensor.ts";
import { memoryCollectives } from "./collectives.ts";
import { cutGraph } from "./cut-graph.ts";
import { meshOf } from "./mesh.ts";
import { rankSteps } from "./rank-steps.ts";
import { openRankProgram } from "./run-sharded.ts";
import { type ShardOptions, shardGraph, simplifiedForRules } from "./shard-graph.ts";
import { joinValues, partOfValues } from "./shard-values.ts";

const device = openDevice("cpu", { threads: 1 });
afterAll(() => device.dispose());

const [x, up, down, seed] = [input("x", [8, 12]), input("up", [12, 8]), input("down", [8, 12]), input("seed", [], "i32")] as const;
const weight = constant(Array.from({ length: 12 }, (_, i) => 1 + i / 12));

/** A feed-forward part with dropout, and its gradients. */
function program(): Graph {
  const loss = ([a, b]: readonly Tensor[]) => {
    const keep = f.cast(f.lessEqual(0.25, f.randomUniform(seed, x.shape, 0)), "f32");
    const y = f.matmul(f.gelu(f.matmul(f.rmsNorm(x, weight), a!)), b!);
    return f.sum(f.mul(f.logSumExp(f.add(x, f.mul(y, keep))), 1 / 8));
  };
  const [value, slopes] = valueAndGrad(loss as never)([up, down] as never) as unknown as [Tensor, Tensor[]];
  return graphOf([x, up, down, seed], [value, ...slopes]);
}
const r = random("run");
const values = [
  ...[x, up, down].map(t => Float64Array.from({ length: sizeOf(t.shape) }, () => Math.fround(r.normal()))),
  Float64Array.of(3),
];
const options: ShardOptions = {
  mesh: meshOf({ data: 2, tensor: 2 }),
  inputs: { x: { split: { data: 0 } }, up: { split: { tensor: 1 } }, down: { split: { tensor: 0 } } },
  outputs: [{}, { split: { tensor: 1 } }, { split: { tensor: 0 } }],
};

async function runAll(graph: Graph, o: ShardOptions, given: readonly Float64Array[]) {
  const sharded = shardGraph(graph, o);
  const ports = memoryCollectives(o.mesh);
  const found = await Promise.all(
    ports.map(async (port, rank) => {
      const executable = openRankProgram(sharded.rank(rank), { device, fuse: true });
      const arrays: DeviceArray[] = [];
      for (const [i, t] of graph.inputs.entries()) {
        const part = partOfValues(given[i]!, sharded.inputs[i]!, o.mesh, rank);
        arrays.push(await device.array(fromNumbers(part, t.dtype), t.dtype, sharded.rank(rank).graph.inputs[i]!.shape));
      }
      const made = await executable.run(arrays, port);
      const read = await Promise.all(made.map(a => a.numbers()));
      for (const a of [...arrays, ...made]) a.dispose();
      const { steps } = executable;
      executable.dispose();
      return { read, steps };
    }),
  );
  return {
    results: sharded.outputs.map((layout, i) =>
      joinValues(
        found.map(q => q.read[i]!),
        layout,
        o.mesh,
      ),
    ),
    steps: found.map(q => q.steps),
  };
}

test("a sharded program on the processor gives one rank's results, each rank with as many meetings", async () => {
  const graph = program();
  const want = evaluate(graph.outputs, new Map(graph.inputs.map((t, i) => [t, values[i]!])), { exact: true });
  const { results, steps } = await runAll(graph, options, values);
  for (const [i, w] of want.entries()) for (const [at, v] of w.entries()) expect(results[i]![at]).toBeCloseTo(v, 5);
  expect(new Set(steps.map(s => s.meetings)).size).toBe(1);
  // forward, then the sum over tensor, backward, then the sums over data
  expect(steps[0]!.meetings).toBeGreaterThanOrEqual(2);
});

test("a rank's steps: no collective within a program, what a step reads is there, masks wait for their readers", () => {
  const { graph } = shardGraph(program(), options).rank(1);
  const { cut, meetings } = rankSteps(simplifiedForRules(graph));
  const there = new Set(cut.inputs);
  for (const [i, step] of cut.steps.entries()) {
    for (const n of step.inputs) expect(there.has(n), `value ${n} of step ${i}`).toBe(true);
    for (const n of step.outputs) there.add(n);
    const kinds = step.graph.outputs.map(isCollective);
    expect(new Set(kinds).size).toBeLessThan(2);
    if (kinds.length) expect(kinds[0]).toBe(i % 2 === 1);
    for (const [n, v] of cut.values.entries()) if (v.lastUse < i) expect(step.inputs).not.toContain(n);
  }
  for (const n of cut.outputs) expect(there.has(n)).toBe(true);
  expect(meetings.flatMap(m => m.collectives.map(c => c.node.attributes.order))).toEqual(
    meetings.flatMap(m => m.collectives).map((_, order) => order),
  );
  // the mask is drawn where it is applied, behind the first meeting
  const drawn = cut.steps.findIndex(s => s.inputs.includes(cut.inputs[3]!));
  expect(drawn).toBe(2);
});

test("gradients that add up are written over in place where that is asked for", async () => {
  const w = input("w", [8, 8]);
  const [data, sofar] = [input("data", [4, 8, 8]), input("sofar", [8, 8])];
  const [, slope] = valueAndGrad((p: Tensor) => f.sum(f.mul(f.square(p), data)))(w);
  const graph = graphOf([w, data, sofar], [f.add(sofar, slope)]);
  const mesh = meshOf({ data: 2 });
  const sum = { partial: ["data"] as const };
  const sharded = shardGraph(graph, { mesh, inputs: { data: { split: { data: 0 } }, sofar: sum }, outputs: [sum] });
  const shapes = sharded.rank(0).graph.inputs.map(t => t.shape);
  const found = await Promise.all(
    memoryCollectives(mesh).map(async (port, rank) => {
      const executable = openRankProgram(sharded.rank(rank), { device, donate: new Map([[0, 2]]) });
      const arrays = await Promise.all(shapes.map(s => device.full(s, 0.5)));
      const before = arrays[2]!.memory;
      const [made] = await executable.run(arrays, port);
      expect(arrays[2]!.isAlive).toBe(false);
      expect(made!.memory).toBe(before);
      const [first] = await made!.numbers();
      for (const a of [arrays[0]!, arrays[1]!, made!]) a.dispose();
      executable.dispose();
      return first!;
    }),
  );
  // 2 w summed over four arrays of halves, added to two sums of a half
  expect(found[0]! + found[1]!).toBeCloseTo(2 * 0.5 + 4 * 2 * 0.5 * 0.5, 6);
});

test("arrays that are no parts of the rank's, and sums of halves, are refused", async () => {
  const mesh = meshOf({ tensor: 2 });
  const [port] = memoryCollectives(mesh);
  const sharded = shardGraph(graphOf([up], [f.exp(up)]), { mesh, inputs: { up: { split: { tensor: 1 } } } });
  const executable = openRankProgram(sharded.rank(0), { device });
  const whole = await device.zeros(up.shape);
  await expect(executable.run([whole], port!)).rejects.toThrow(/input up: expected the rank's part, f32\[12, 4\], got f32\[12, 8\]/);
  await expect(executable.run([], port!)).rejects.toThrow(/expected 1 arrays/);
  const half = input("half", [4], "f16");
  const summed = shardGraph(graphOf([half], [half]), { mesh, inputs: { half: { partial: ["tensor"] } } });
  const sums = openRankProgram(summed.rank(0), { device });
  const given = await device.zeros([4], "f16");
  await expect(sums.run([given], port!)).rejects.toThrow(/allReduce along tensor: expected f32 or i32, got f16/);
  for (const a of [whole, given]) a.dispose();
  for (const e of [executable, sums]) e.dispose();
});

test("a cut that computes a value before its inputs is refused", () => {
  const y = f.exp(x);
  const z = f.neg(y);
  const graph = graphOf([x], [z]);
  expect(() => cutGraph(graph, t => (t === z ? 0 : 1), 2)).toThrow(/in step 1 or later, where its input .*exp.* is computed, got step 0/);
  expect(() => cutGraph(graph, () => 5, 2)).toThrow(/a step from 0 to 1/);
  const cut = cutGraph(graph, t => (t === z ? 1 : 0), 2);
  const [between] = cut.steps[0]!.outputs;
  expect(cut.values[between!]).toMatchObject({ from: 0, lastUse: 1, shape: [8, 12] });
  const [given] = values as [Float64Array];
  const passed = evaluate(cut.steps[0]!.graph.outputs, new Map([[cut.steps[0]!.graph.inputs[0]!, given]]));
  const [found] = evaluate(cut.steps[1]!.graph.outputs, new Map([[cut.steps[1]!.graph.inputs[0]!, passed[0]!]]));
  expect(found![5]).toBe(-Math.fround(Math.exp(given[5]!)));
});

test("ranks of one process that do not agree on a collective are named", async () => {
  const [a, b] = memoryCollectives(meshOf({ data: 2 }));
  const both = Promise.all([a!.allReduce(new Float32Array(3), "data", "sum"), b!.allReduce(new Float32Array(4), "data", "sum")]);
  await expect(both).rejects.toThrow(/ranks along data: expected allReduce of 3 numbers on each, got allReduce of 4 on the one at 1/);
  const sent = Int32Array.of(1, 2);
  const into = new Int32Array(2);
  await Promise.all([b!.receive(into, 0), a!.send(sent, 1)]);
  expect([...into]).toEqual([1, 2]);
  expect(toNumbers(into, "i32")[1]).toBe(2);
  const short = Promise.all([b!.receive(new Int32Array(1), 0), a!.send(sent, 1)]);
  await expect(short).rejects.toThrow(/rank 1: receive from 0: expected 1 numbers, got 2/);
});
