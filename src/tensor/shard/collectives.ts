/** What ranks do together, as a port: a process group of any transport is given for it, and one of a single process is here. */
import type { TypedArray } from "../dtype.ts";
import { tensorErrors } from "../errors.ts";
import { coordinatesOf, type Mesh, type MeshAxis, meshGroupOf } from "./mesh.ts";

/** Arrays that are added up. */
export type ReducedNumbers = Float32Array | Int32Array;

/** The port of one rank. All ranks of a group make the same calls in the same order; sums are made in the order of coordinates. */
export interface RankCollectives {
  /** In place. */
  allReduce(x: ReducedNumbers, axis: MeshAxis, reduce: "sum" | "max"): Promise<void>;
  /** `own` of every rank along the axis, one behind another. */
  allGather(own: TypedArray, into: TypedArray, axis: MeshAxis): Promise<void>;
  /** The sum of all ranks' `x`, of which each gets the part of its coordinate. */
  reduceScatter(x: ReducedNumbers, into: ReducedNumbers, axis: MeshAxis): Promise<void>;
  /** One array to a rank of the mesh, by its number; ends when `x` may be written again. */
  send(x: TypedArray, to: number): Promise<void>;
  receive(into: TypedArray, from: number): Promise<void>;
}

interface Call {
  readonly kind: string;
  readonly x: TypedArray;
  readonly into: TypedArray;
  readonly done: (error?: unknown) => void;
}

const settable = (x: TypedArray) => x as { set(from: ArrayLike<never>, at?: number): void };
const partAt = (x: TypedArray, i: number, size: number): ArrayLike<never> =>
  x.subarray(i * size, (i + 1) * size) as unknown as ArrayLike<never>; // of x's own kind

/** The sum, or the greatest numbers, of all ranks' arrays in the order of ranks, in the arrays' own precision. */
function folded(calls: readonly Call[], isMax: boolean): ReducedNumbers {
  const [first, ...others] = calls.map(c => c.x as ReducedNumbers);
  const total = first!.slice();
  for (const x of others) for (let i = 0; i < total.length; i++) total[i] = isMax ? Math.max(total[i]!, x[i]!) : total[i]! + x[i]!;
  return total;
}

/** Carries out what a whole group asks for. */
function carryOut(calls: readonly Call[], axis: MeshAxis): void {
  const [{ kind }] = calls as [Call];
  const other = calls.findIndex(c => c.kind !== kind || c.x.length !== calls[0]!.x.length);
  if (other >= 0)
    throw tensorErrors.fail("mesh", {
      place: `ranks along ${axis}`,
      expected: `${kind} of ${calls[0]!.x.length} numbers on each`,
      received: `${calls[other]!.kind} of ${calls[other]!.x.length} on the one at ${other}`,
    });
  if (kind === "allGather") {
    for (const c of calls)
      for (const [i, from] of calls.entries()) settable(c.into).set(from.x as unknown as ArrayLike<never>, i * from.x.length); // of one kind
    return;
  }
  const total = folded(calls, kind === "allReduce max");
  for (const [i, c] of calls.entries())
    settable(c.into).set(kind === "reduceScatter" ? partAt(total, i, c.into.length) : (total as unknown as ArrayLike<never>)); // of one kind
}

/** The ports of all ranks of a mesh that run in one process, by their numbers. */
export function memoryCollectives(mesh: Mesh): RankCollectives[] {
  const waiting = new Map<string, Map<number, Call>>();
  const boxes = new Map<string, { readonly x: TypedArray; readonly done: () => void }[]>();
  const wanted = new Map<string, ((x: TypedArray) => void)[]>();
  const meet = (rank: number, axis: MeshAxis, call: Omit<Call, "done">): Promise<void> =>
    new Promise((resolve, reject) => {
      const group = meshGroupOf(mesh, rank, [axis]);
      const key = `${axis} ${group}`;
      const own = waiting.get(key) ?? new Map<number, Call>();
      waiting.set(key, own);
      own.set(coordinatesOf(mesh, rank)[axis], { ...call, done: error => (error === undefined ? resolve() : reject(error)) });
      if (own.size < group.length) return;
      waiting.delete(key);
      const calls = group.map((_, i) => own.get(i)!);
      let failed: unknown;
      try {
        carryOut(calls, axis);
      } catch (error) {
        failed = error;
      }
      for (const c of calls) c.done(failed);
    });
  return Array.from({ length: mesh.ranks }, (_, rank) => ({
    allReduce: (x, axis, reduce) => meet(rank, axis, { kind: reduce === "max" ? "allReduce max" : "allReduce", x, into: x }),
    allGather: (own, into, axis) => meet(rank, axis, { kind: "allGather", x: own, into }),
    reduceScatter: (x, into, axis) => meet(rank, axis, { kind: "reduceScatter", x, into }),
    // a send ends when it is received, as the strictest transport's does
    send: (x, to) =>
      new Promise<void>(done => {
        const key = `${rank} ${to}`;
        const reader = wanted.get(key)?.shift();
        if (reader) {
          reader(x);
          done();
        } else boxes.set(key, [...(boxes.get(key) ?? []), { x, done }]);
      }),
    receive: (into, from) =>
      new Promise<void>((done, fail) => {
        const key = `${from} ${rank}`;
        const take = (x: TypedArray): void => {
          if (x.length !== into.length) {
            fail(
              tensorErrors.fail("mesh", {
                place: `rank ${rank}: receive from ${from}`,
                expected: `${into.length} numbers`,
                received: `${x.length}`,
              }),
            );
            return;
          }
          settable(into).set(x as unknown as ArrayLike<never>); // of one kind
          done();
        };
        const sent = boxes.get(key)?.shift();
        if (sent) {
          take(sent.x);
          sent.done();
        } else wanted.set(key, [...(wanted.get(key) ?? []), take]);
      }),
  }));
}
