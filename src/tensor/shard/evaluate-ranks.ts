/**
 * The reference evaluator of several ranks: all of them step by step, side by side, with the collectives between them in plain TypeScript. It is
 * the judge of sharded programs. Sums are made in the order of the ranks' coordinates.
 */
import { sizeOf } from "../dtype.ts";
import { tensorErrors } from "../errors.ts";
import { type CollectiveValue, evaluating, type ReferenceOptions } from "../evaluate.ts";
import type { Shape } from "../shape.ts";
import { type CollectiveTensor, isKind, type Tensor } from "../tensor.ts";
import { type Mesh, meshGroupOf } from "./mesh.ts";

/** A program of one rank: what it computes, and its inputs' values. */
export interface RankEvaluation {
  readonly outputs: readonly Tensor[];
  readonly given: ReadonlyMap<Tensor, Float64Array>;
}

/** Elements before a dimension, in it, and behind each of its elements. */
const around = (shape: Shape, dimension: number): readonly [number, number, number] => [
  sizeOf(shape.slice(0, dimension)),
  shape[dimension]!,
  sizeOf(shape.slice(dimension + 1)),
];

/** The parts one after another along a dimension; `shape` is that of a part. */
function joined(parts: readonly Float64Array[], shape: Shape, dimension: number): Float64Array {
  const [outer, size, inner] = around(shape, dimension);
  const row = size * inner;
  const out = new Float64Array(outer * row * parts.length);
  for (let o = 0; o < outer; o++)
    for (const [i, part] of parts.entries()) out.set(part.subarray(o * row, (o + 1) * row), (o * parts.length + i) * row);
  return out;
}

/** Part `at` of `count` along a dimension; `shape` is that of the whole. */
function partOf(whole: Float64Array, shape: Shape, dimension: number, at: number, count: number): Float64Array {
  const [outer, size, inner] = around(shape, dimension);
  const row = (size / count) * inner;
  const out = new Float64Array(outer * row);
  for (let o = 0; o < outer; o++) out.set(whole.subarray((o * count + at) * row, (o * count + at + 1) * row), o * row);
  return out;
}

const folded = (values: readonly Float64Array[], fold: (a: number, b: number) => number): Float64Array =>
  values[0]!.map((first, i) => values.slice(1).reduce((sofar, v) => fold(sofar, v[i]!), first));

/** What each rank of a group gets, of what each gave. */
function collected(node: CollectiveTensor, values: readonly Float64Array[]): readonly Float64Array[] {
  const { shape } = node.inputs[0]!;
  if (isKind(node, "allReduce")) {
    const all = folded(values, node.attributes.reduce === "max" ? Math.max : (a, b) => a + b);
    return values.map(() => all);
  }
  const { dimension } = node.attributes as { readonly dimension: number };
  if (isKind(node, "allGather")) {
    const all = joined(values, shape, dimension);
    return values.map(() => all);
  }
  const sum = folded(values, (a, b) => a + b);
  return values.map((_, at) => partOf(sum, shape, dimension, at, values.length));
}

/** What must be the same on all ranks that meet. */
const meeting = ({ kind, attributes, shape, dtype }: CollectiveTensor): string =>
  `${kind} ${JSON.stringify(Object.entries(attributes).sort())} ${dtype} [${shape}]`;

/** Throws: a rank's group does not meet where it waits. */
function refuseMeeting(group: readonly number[], waits: readonly (CollectiveValue | undefined)[], rank: number): never {
  const { node } = waits[rank]!;
  if (group.length !== node.attributes.ranks)
    throw tensorErrors.fail("mesh", {
      place: `evaluateRanks: ${node.attributes.axis}`,
      expected: `a collective of ${group.length} ranks`,
      received: `${node.attributes.ranks}`,
    });
  const expected = meeting(node);
  const other = group.find(r => !waits[r] || meeting(waits[r].node) !== expected)!;
  throw tensorErrors.fail("mesh", {
    place: `evaluateRanks: rank ${other}`,
    expected: `${expected}, as rank ${rank}`,
    received: waits[other] ? meeting(waits[other].node) : "the end of its program",
    hint: "Programs of a mesh must be made of one graph, with one mesh.",
  });
}

/**
 * The values of each rank's outputs; rank i evaluates `programs[i]`. Errors: tensor/mesh where ranks do not meet in the same collectives in the
 * same order.
 */
export function evaluateRanks(mesh: Mesh, programs: readonly RankEvaluation[], options: ReferenceOptions = {}): Float64Array[][] {
  if (programs.length !== mesh.ranks)
    throw tensorErrors.fail("mesh", { place: "evaluateRanks", expected: `${mesh.ranks} programs`, received: `${programs.length}` });
  const runs = programs.map(({ outputs, given }) => evaluating(outputs, given, options));
  const results: Float64Array[][] = [];
  const waits: (CollectiveValue | undefined)[] = [];
  const advance = (rank: number, value?: Float64Array): void => {
    // the first value of a generator is read by nobody
    const step = runs[rank]!.next(value as Float64Array);
    if (step.done) results[rank] = step.value;
    waits[rank] = step.done ? undefined : step.value;
  };
  for (const rank of runs.keys()) advance(rank);
  const groupAt = (rank: number): number[] => meshGroupOf(mesh, rank, [waits[rank]!.node.attributes.axis]);
  const isMet = (rank: number): boolean => {
    const group = groupAt(rank);
    const { node } = waits[rank]!;
    return group.length === node.attributes.ranks && group.every(r => waits[r] && meeting(waits[r].node) === meeting(node));
  };
  for (;;) {
    const waiting = [...waits.keys()].filter(rank => waits[rank]);
    if (waiting.length === 0) return results;
    const first = waiting.find(isMet);
    if (first === undefined) refuseMeeting(groupAt(waiting[0]!), waits, waiting[0]!);
    const group = groupAt(first);
    const made = collected(
      waits[first]!.node,
      group.map(rank => waits[rank]!.value),
    );
    for (const [i, rank] of group.entries()) advance(rank, made[i]!);
  }
}
