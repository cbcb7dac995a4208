/**
 * Examples laid into rows of equal length, several a row, none cut: attention stays inside an example and positions begin anew in each, so a
 * packed row gives the losses that its examples give alone. An epoch's rows are drawn in random order; where one stands is two numbers.
 */
import { random } from "../../base/index.ts";
import { fillRows } from "../../data/index.ts";
import { type PackingState, type RowShare, rowsOfShare } from "../../train/index.ts";
import type { Masked } from "./encode.ts";

interface RowsOptions {
  /** Rows a batch, tokens a row. */
  readonly rows: number;
  readonly length: number;
  readonly seed: number | string;
  /** One example a row instead. */
  readonly pack?: boolean;
}

export interface TuneBatch {
  readonly tokens: Int32Array;
  readonly targets: Int32Array;
  /** Number of the example within the batch; -1 where nothing is. */
  readonly segments: Int32Array;
  readonly positions: Int32Array;
  /** 1 where the target is trained. */
  readonly weights: Float32Array;
  /** Examples in it, by their number. */
  readonly examples: readonly number[];
}

/** Positions that an example takes: the last token is a target only. */
const sizeOf = (e: Masked): number => e.ids.length - 1;

/** Rows of example numbers, in the order in which an epoch draws them. */
export function epochRows(examples: readonly Masked[], o: RowsOptions, epoch: number): number[][] {
  const draw = random(`${o.seed}/epoch ${epoch}`);
  // who shares a row is drawn anew each epoch: equal sizes are laid in this order
  const order = Array.from(draw.permutation(examples.length));
  const rows =
    o.pack === false
      ? order.map(i => [i])
      : fillRows(
          order.map(i => sizeOf(examples[i]!)),
          o.length,
        ).map(row => row.map(k => order[k]!));
  return Array.from(draw.permutation(rows.length), i => rows[i]!);
}

/** Lays rows out; rows beyond those given are empty. */
export function layExamples(
  examples: readonly Masked[],
  rows: readonly (readonly number[])[],
  o: Pick<RowsOptions, "rows" | "length">,
): TuneBatch {
  const n = o.rows * o.length;
  const tokens = new Int32Array(n);
  const targets = new Int32Array(n);
  const segments = new Int32Array(n).fill(-1);
  const positions = new Int32Array(n);
  const weights = new Float32Array(n);
  let segment = 0;
  for (const [r, row] of rows.entries()) {
    let at = r * o.length;
    for (const i of row) {
      const { ids, trained } = examples[i]!;
      for (let k = 0; k + 1 < ids.length; k++, at++) {
        tokens[at] = ids[k]!;
        targets[at] = ids[k + 1]!;
        segments[at] = segment;
        positions[at] = k;
        weights[at] = trained[k + 1]!;
      }
      segment++;
    }
  }
  return { tokens, targets, segments, positions, weights, examples: rows.flat() };
}

interface ExamplePacker {
  /** The next batch, or the rows of it that are a share's. */
  next(share?: RowShare): TuneBatch;
  state(): PackingState;
}

/** Batches without end; epochs follow one another, and a batch may hold rows of two. */
export function examplePacker(examples: readonly Masked[], o: RowsOptions, start: PackingState = { epoch: 0, row: 0 }): ExamplePacker {
  let { epoch, row } = start;
  let rows = epochRows(examples, o, epoch);
  return {
    state: () => ({ epoch, row }),
    next(share = { part: 0, of: 1 }) {
      const taken: number[][] = [];
      while (taken.length < o.rows) {
        taken.push(rows[row]!);
        if (++row < rows.length) continue;
        row = 0;
        epoch++;
        rows = epochRows(examples, o, epoch);
      }
      const own = rowsOfShare(o.rows, share);
      return layExamples(examples, taken.slice(share.part * own, (share.part + 1) * own), { ...o, rows: own });
    },
  };
}

/** All examples once, in order, for a loss over them. */
export function* batchesOnce(examples: readonly Masked[], o: RowsOptions): Generator<TuneBatch> {
  const rows = epochRows(examples, o, 0);
  for (let i = 0; i < rows.length; i += o.rows) yield layExamples(examples, rows.slice(i, i + o.rows), o);
}

/** Weight of a batch: its trained targets. */
export const weightOf = (b: TuneBatch): number => b.weights.reduce((s, w) => s + w, 0);
