/** For tests: a program on all ranks of a mesh, by the evaluator, beside the program on one. */
import { evaluate } from "../evaluate.ts";
import type { Graph } from "../graph.ts";
import { checkGraph } from "../spec.ts";
import { isKind, type Tensor } from "../tensor.ts";
import { evaluateRanks } from "./evaluate-ranks.ts";
import { isWhole, type ShardLayout } from "./layout.ts";
import { type Mesh, type MeshSizes, meshOf, showMesh } from "./mesh.ts";
import { type ShardedGraph, type ShardOptions, shardGraph, simplifiedForRules } from "./shard-graph.ts";
import { joinValues, partOfValues } from "./shard-values.ts";

/** All meshes of so many ranks at most over some axes, one rank left out. */
export function meshesUpTo(ranks: number, axes: readonly (keyof MeshSizes)[]): Mesh[] {
  const walk = (i: number, sizes: MeshSizes, left: number): MeshSizes[] =>
    i === axes.length
      ? [sizes]
      : Array.from({ length: left }, (_, n) => n + 1).flatMap(n => walk(i + 1, { ...sizes, [axes[i]!]: n }, Math.floor(left / n)));
  return walk(0, {}, ranks)
    .map(sizes => meshOf(sizes))
    .filter(m => m.ranks > 1);
}

/** Whole results of all ranks' programs; throws where ranks that should hold the same do not. */
export function evaluateSharded(sharded: ShardedGraph, values: readonly Float64Array[]): Float64Array[] {
  const { mesh } = sharded;
  const programs = Array.from({ length: mesh.ranks }, (_, rank) => {
    const { graph } = sharded.rank(rank);
    checkGraph(graph);
    const given = new Map<Tensor, Float64Array>(graph.inputs.map((t, i) => [t, partOfValues(values[i]!, sharded.inputs[i]!, mesh, rank)]));
    return { outputs: graph.outputs, given };
  });
  const found = evaluateRanks(mesh, programs, { exact: true });
  return sharded.outputs.map((layout, i) => {
    const parts = found.map(f => f[i]!);
    checkAlike(parts, layout, i);
    return joinValues(parts, layout, mesh);
  });
}

function checkAlike(parts: readonly Float64Array[], layout: ShardLayout, output: number): void {
  if (!isWhole(layout)) return;
  for (const [rank, part] of parts.entries())
    for (const [i, x] of part.entries())
      if (!(Object.is(x, parts[0]![i]) || Math.abs(x - parts[0]![i]!) <= 1e-12 * (1 + Math.abs(x))))
        throw new Error(`output ${output}: rank ${rank} has ${x} at ${i}, rank 0 has ${parts[0]![i]}`);
}

/** The largest difference of an element of one rank's and many ranks' results, by the largest number of the result. */
export function shardedError(graph: Graph, values: readonly Float64Array[], options: ShardOptions): { error: number; where: string } {
  const given = new Map<Tensor, Float64Array>(graph.inputs.map((t, i) => [t, values[i]!]));
  // constants that simplification joins are rounded to their dtype, on one rank as on many
  const want = evaluate(simplifiedForRules(graph).outputs, given, { exact: true });
  const found = evaluateSharded(shardGraph(graph, options), values);
  let worst = { error: 0, where: "" };
  for (const [i, w] of want.entries()) {
    const scale = w.reduce((most, x) => Math.max(most, Math.abs(x)), 1e-3);
    for (const [at, x] of w.entries()) {
      const off = Object.is(found[i]![at], x) ? 0 : Math.abs(found[i]![at]! - x) / scale;
      if (!(off <= worst.error))
        worst = { error: off, where: `${showMesh(options.mesh)}: output ${i}, element ${at}: ${found[i]![at]}, not ${x}` };
    }
  }
  return worst;
}

/** Names of inputs by their kind, for layouts. */
export const inputNames = (graph: Graph): string[] => graph.inputs.filter(t => isKind(t, "input")).map(t => t.attributes.name);
