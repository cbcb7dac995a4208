/** Answers as rows of a batch, one a row behind its prompt, and the order in which batches take what they are made of. */
import { random } from "../../base/index.ts";
import type { PackingState } from "../../train/index.ts";
import type { Masked } from "../instruct/encode.ts";

export interface AnswerRows {
  readonly tokens: Int32Array;
  readonly targets: Int32Array;
  /** 1 where a target is a token of the answer. */
  readonly weights: Float32Array;
}

/** Sequences [rows, length] with what follows each token; a row that is not given is nothing that counts. */
export function layAnswers(sequences: readonly (Masked | undefined)[], length: number): AnswerRows {
  const n = sequences.length * length;
  const [tokens, targets, weights] = [new Int32Array(n), new Int32Array(n), new Float32Array(n)];
  for (const [row, sequence] of sequences.entries()) {
    if (!sequence) continue;
    const { ids, trained } = sequence;
    for (let k = 0; k + 1 < ids.length; k++) {
      tokens[row * length + k] = ids[k]!;
      targets[row * length + k] = ids[k + 1]!;
      weights[row * length + k] = trained[k + 1]!;
    }
  }
  return { tokens, targets, weights };
}

/** Batches of so many without end, each epoch in an order of its own; a batch may hold members of two. */
export function memberSource(count: number, size: number, seed: number | string, start: PackingState = { epoch: 0, row: 0 }) {
  const orderOf = (e: number) => random(`${seed}/epoch ${e}`).permutation(count);
  let { epoch, row } = start;
  let order = orderOf(epoch);
  return {
    state: (): PackingState => ({ epoch, row }),
    next(): number[] {
      const members: number[] = [];
      while (members.length < size) {
        members.push(order[row]!);
        if (++row < count) continue;
        row = 0;
        epoch++;
        order = orderOf(epoch);
      }
      return members;
    },
  };
}

/** Everything once, in order. */
export function* membersOnce(count: number, size: number): Generator<number[]> {
  for (let i = 0; i < count; i += size) yield Array.from({ length: Math.min(size, count - i) }, (_, k) => i + k);
}

/** What a batch draws its random numbers from: where it begins, so that a resumed run draws the same. */
export const drawOf = ({ epoch, row }: PackingState, count: number): Int32Array => Int32Array.of((epoch * count + row) % 2 ** 31);
