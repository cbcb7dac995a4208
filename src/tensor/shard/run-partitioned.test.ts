/** XLA's own partitioning: where parts lie, that the devices hold parts and no wholes, and that it and shard-graph.ts agree with one rank. */
import { describe, expect, test } from "vitest";
import { lacksPjrt, pjrtReason } from "../../../test/support/pjrt.ts";
import { random } from "../../base/index.ts";
import { fromNumbers, sizeOf, toNumbers } from "../dtype.ts";
import { evaluate } from "../evaluate.ts";
import * as f from "../functions.ts";
import { valueAndGrad } from "../grad.ts";
import { type Graph, graphOf } from "../graph.ts";
import { constant, input, type Tensor } from "../tensor.ts";
import { evaluateRanks } from "./evaluate-ranks.ts";
import { shardLayoutOf } from "./layout.ts";
import { type MeshSizes, meshOf } from "./mesh.ts";
import { openPartitioned, shardingText } from "./run-partitioned.ts";
import { type ShardOptions, shardGraph } from "./shard-graph.ts";
import { joinValues, partOfValues } from "./shard-values.ts";

test("a layout is written for XLA as tiles and their devices, copies of a tile last", () => {
  const mesh = meshOf({ data: 2, tensor: 2 });
  const text = (shape: number[], split: MeshSizes) => shardingText(shardLayoutOf(mesh, shape, { split }, "x"), mesh);
  expect(text([4, 4], {})).toBe("{replicated}");
  expect(text([4, 4], { data: 0, tensor: 1 })).toBe("{devices=[2,2]0,1,2,3}");
  // ranks count `tensor` fastest: rows over it are on 0 and 1, columns over `data` on 0 and 2
  expect(text([4, 4], { data: 1, tensor: 0 })).toBe("{devices=[2,2]0,2,1,3}");
  expect(text([4, 4], { data: 0 })).toBe("{devices=[2,1,2]0,1,2,3 last_tile_dim_replicate}");
  expect(text([4, 4], { tensor: 0 })).toBe("{devices=[2,1,2]0,2,1,3 last_tile_dim_replicate}");
  expect(text([8], { data: 0, tensor: 0 })).toBe("{devices=[4]0,1,2,3}");
});

const [x, up, down, seed, rows] = [
  input("x", [8, 12]),
  input("up", [12, 8]),
  input("down", [8, 12]),
  input("seed", [], "i32"),
  input("rows", [8], "i32"),
] as const;
const weight = constant(Array.from({ length: 12 }, (_, i) => 1 + i / 12));

/** A feed-forward part over rows of a table, with dropout, and its gradients. */
function program(): Graph {
  const loss = ([a, b]: readonly Tensor[]) => {
    const keep = f.cast(f.lessEqual(0.25, f.randomUniform(seed, x.shape, 0)), "f32");
    const y = f.matmul(f.gelu(f.matmul(f.rmsNorm(f.gather(x, rows), weight), a!)), b!);
    return f.sum(f.mul(f.logSumExp(f.add(x, f.mul(y, keep))), 1 / 8));
  };
  const [value, slopes] = valueAndGrad(loss as never)([up, down] as never) as unknown as [Tensor, Tensor[]];
  return graphOf([x, up, down, seed, rows], [value, ...slopes]);
}
const r = random("partitioned");
const values = [
  ...[x, up, down].map(t => Float64Array.from({ length: sizeOf(t.shape) }, () => Math.fround(r.normal()))),
  Float64Array.of(3),
  Float64Array.from({ length: 8 }, (_, i) => (5 * i) % 8),
];
const optionsOf = (sizes: MeshSizes): ShardOptions => ({
  mesh: meshOf(sizes),
  inputs: { x: { split: { data: 0 } }, rows: { split: { data: 0 } }, up: { split: { tensor: 1 } }, down: { split: { tensor: 0 } } },
  outputs: [{}, { split: { tensor: 1 } }, { split: { tensor: 0 } }],
});
const typed = (graph: Graph, given: readonly Float64Array[]) => graph.inputs.map((t, i) => fromNumbers(given[i]!, t.dtype));

describe.skipIf(lacksPjrt !== undefined)(`XLA's partitioning${pjrtReason}`, () => {
  const partitioned = (graph: Graph, { mesh, inputs, outputs }: ShardOptions) =>
    openPartitioned(graph, { mesh, inputs, outputs: (outputs ?? []).map(o => (o === "computed" ? undefined : o)) });

  test.each<MeshSizes>([{}, { data: 2 }, { tensor: 2 }, { data: 4 }, { data: 2, tensor: 2 }])(
    "value and gradients over %j are those of one rank, and of this project's own partitioning",
    async sizes => {
      const [graph, o] = [program(), optionsOf(sizes)];
      const judge = await partitioned(graph, o);
      const found = (await judge.run(typed(graph, values))).map((a, i) => toNumbers(a, graph.outputs[i]!.dtype));
      judge.dispose();
      const one = evaluate(graph.outputs, new Map(graph.inputs.map((t, i) => [t, values[i]!])), { exact: true });
      const sharded = shardGraph(graph, o);
      const programs = Array.from({ length: o.mesh.ranks }, (_, rank) => {
        const own = sharded.rank(rank).graph;
        const given = own.inputs.map((t, i) => [t, partOfValues(values[i]!, sharded.inputs[i]!, o.mesh, rank)] as const);
        return { outputs: own.outputs, given: new Map(given) };
      });
      const parts = evaluateRanks(o.mesh, programs);
      for (const [i, a] of found.entries()) {
        const own = joinValues(
          parts.map(p => p[i]!),
          sharded.outputs[i]!,
          o.mesh,
        );
        const size = Math.max(...one[i]!.map(Math.abs));
        expect(a.length).toBe(one[i]!.length);
        for (const [k, v] of a.entries()) {
          expect(Math.abs(v - one[i]![k]!)).toBeLessThan(1e-5 * size);
          expect(Math.abs(v - own[k]!)).toBeLessThan(1e-5 * size);
        }
      }
    },
  );

  test("each device holds its part of what is split, and the whole of what is not", async () => {
    const graph = program();
    const held = async (sizes: MeshSizes) => {
      const p = await partitioned(graph, optionsOf(sizes));
      const { argumentBytes } = p.stats();
      p.dispose();
      return argumentBytes;
    };
    const matrices = 4 * 96;
    expect(await held({})).toBe(3 * matrices + 4 + 32);
    expect(await held({ data: 2 })).toBe(2.5 * matrices + 4 + 16);
    expect(await held({ data: 2, tensor: 2 })).toBe(1.5 * matrices + 4 + 16);
  });

  test("an index outside its axis on any device is refused by name", async () => {
    const graph = program();
    const p = await partitioned(graph, optionsOf({ data: 2 }));
    const given = typed(graph, values.with(4, Float64Array.of(0, 1, 2, 3, 4, 5, 6, 8)));
    await expect(p.run(given)).rejects.toThrow(/gather.*indices from 0 to 7.*got 8/s);
    p.dispose();
  });

  test("sums over ranks, and meshes that do not fit, are refused before XLA sees them", async () => {
    const graph = program();
    const mesh = meshOf({ data: 2 });
    await expect(openPartitioned(graph, { mesh, inputs: {}, outputs: [{ partial: ["data"] }] })).rejects.toThrow(
      /output 0.*without summands/s,
    );
    await expect(openPartitioned(graph, { mesh: meshOf({ data: 3 }), inputs: { x: { split: { data: 0 } } } })).rejects.toThrow(
      /input x.*multiple of data/s,
    );
  });
});
