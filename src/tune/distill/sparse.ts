/**
 * What a teacher tells of a token when it tells its likeliest alone: k tokens with their probabilities, and what is left for all others together. The
 * divergence is over these k + 1 outcomes, which is never more than the one over all tokens (data processing), and equal to it where k is all of them.
 */
import {
  add,
  checkShape,
  exp,
  full,
  log,
  logSumExp,
  maximum,
  mul,
  putAlong,
  stopGradient,
  sub,
  sum,
  type Tensor,
  takeAlong,
} from "../../tensor/index.ts";
import type { Encoded } from "../instruct/encode.ts";
import type { TuneBatch } from "../instruct/pack.ts";

/** Of an example: a row of outcomes for each trained token, in their order. */
export interface SparseTargets {
  /** Outcomes a token. */
  readonly width: number;
  /** [trained, width]; where a row has fewer outcomes its first token is repeated. */
  readonly ids: Int32Array;
  /** Natural logarithms of the probabilities; `nothing` where a row has fewer outcomes. */
  readonly logs: Float32Array;
}

/** The logarithm of no probability, as a number that may be multiplied by 0. */
export const nothing = -1e30;
/** Less than this is left for no other token. */
const least = 1e-30;

export interface SparseTensors {
  /** i32 [B, T, k] */
  readonly topIds: Tensor;
  /** f32 [B, T, k] */
  readonly topLogs: Tensor;
  /** f32 [B, T]: the probability of all other tokens together. */
  readonly rest: Tensor;
}

/** KL(teacher || student) in nats of each token over k + 1 outcomes: the student's logits [B, T, V] -> [B, T]. The teacher has no gradient. */
export function sparseDivergence(teacher: SparseTensors, logits: Tensor): Tensor {
  const [topIds, topLogs, rest] = [teacher.topIds, stopGradient(teacher.topLogs), stopGradient(teacher.rest)];
  const [B, T] = logits.shape as [number, number, number];
  checkShape("distill.rest", rest, `${B} ${T}`);
  const all = logSumExp(logits); // [B, T, 1]
  const own = sub(takeAlong(logits, topIds, -1), all); // [B, T, k]
  const others = sub(logSumExp(putAlong(logits, topIds, full(topIds.shape, nothing), -1)), all); // [B, T, 1]
  const told = sum(mul(exp(topLogs), sub(topLogs, own)), -1);
  return add(told, mul(rest, sub(log(maximum(rest, least)), sum(others, -1))));
}

/** Width of the widest of them: that of a batch's arrays. */
export const widthOf = (targets: Iterable<SparseTargets>): number => Math.max(1, ...[...targets].map(t => t.width));

/** Lays the targets of a batch's examples beside its tokens; `vocab` tokens told leave nothing for others. */
export function layTargets(
  b: TuneBatch,
  examples: readonly Encoded[],
  targetsOf: (example: Encoded) => SparseTargets,
  width: number,
  vocab: number,
): { readonly topIds: Int32Array; readonly topLogs: Float32Array; readonly rest: Float32Array } {
  const cells = b.tokens.length;
  const topIds = new Int32Array(cells * width);
  const topLogs = new Float32Array(cells * width).fill(nothing);
  const rest = new Float32Array(cells);
  const rows = new Map<number, Int32Array>();
  for (let cell = 0; cell < cells; cell++) {
    const segment = b.segments[cell]!;
    if (segment < 0 || b.weights[cell] === 0) continue;
    const example = examples[b.examples[segment]!]!;
    const own = rows.get(segment) ?? trainedRows(example);
    rows.set(segment, own);
    const { ids, logs, width: given } = targetsOf(example);
    const from = own[b.positions[cell]! + 1]! * given;
    let sumOf = 0;
    let told = 0;
    for (let k = 0; k < width; k++) {
      const isTold = k < given && logs[from + k]! > nothing;
      topIds[cell * width + k] = isTold ? ids[from + k]! : ids[from]!;
      if (!isTold) continue;
      topLogs[cell * width + k] = logs[from + k]!;
      sumOf += Math.exp(logs[from + k]!);
      told++;
    }
    rest[cell] = told >= vocab ? 0 : Math.max(0, 1 - sumOf);
  }
  return { topIds, topLogs, rest };
}

/** Which row of an example's targets a token has: the so manieth trained one; -1 where it is not trained. The first token is nobody's target. */
export function trainedRows({ trained }: Pick<Encoded, "trained">): Int32Array {
  let row = 0;
  return Int32Array.from(trained, (t, at) => (t && at > 0 ? row++ : -1));
}
