/**
 * Packs documents into rows of equal length. The stream is end, document, end, document, ...: each document's first token is predicted from
 * an end mark and its last token predicts one. A row knows which document each position belongs to (so attention stays inside) and its place
 * in it. Order is a seeded permutation an epoch; the position in the stream is plain data, so a run resumes where it was.
 */
import { random } from "../base/index.ts";
import { trainErrors } from "./errors.ts";

/** Documents as one array of token ids; document i is tokens[offsets[i]] to tokens[offsets[i + 1]]. */
export interface TokenShards {
  readonly tokens: Uint16Array | Uint32Array;
  readonly offsets: Uint32Array | Float64Array;
  readonly ids?: readonly string[];
}

export interface PackingOptions {
  readonly rows: number;
  readonly length: number;
  /** The end-of-document token. */
  readonly end: number;
  readonly seed: number | string;
}

/** Where the next row starts: epoch, document within the epoch's order, token within the document. */
export interface PackingState {
  readonly epoch: number;
  readonly document: number;
  readonly token: number;
}
export const packingStart: PackingState = { epoch: 0, document: 0, token: 0 };

export interface PackedBatch {
  readonly tokens: Int32Array;
  readonly targets: Int32Array;
  /** Document number within the row's batch; -1 where nothing is. */
  readonly segments: Int32Array;
  readonly positions: Int32Array;
  readonly weights: Float32Array;
  /** Indices of the documents in it, for messages. */
  readonly documents: readonly number[];
}

export const documentCount = (s: TokenShards): number => s.offsets.length - 1;

export function checkShards(s: TokenShards, vocab: number, place: string): void {
  if (documentCount(s) < 1 || s.tokens.length === 0)
    throw trainErrors.fail("data", {
      place,
      expected: "at least one document with at least one token",
      received: `${Math.max(0, documentCount(s))} documents, ${s.tokens.length} tokens`,
      hint: "Check the source and the filters; `loam run` shows what was dropped.",
    });
  let most = 0;
  for (let i = 0; i < s.tokens.length; i++) if (s.tokens[i]! > most) most = s.tokens[i]!;
  if (most >= vocab)
    throw trainErrors.fail("data", {
      place,
      expected: `token ids below the model's vocabulary ${vocab}`,
      received: `${most}`,
      hint: "The shards were made with another tokenizer.",
    });
}

export interface Packer {
  next(): PackedBatch;
  state(): PackingState;
}

/** Batches without end; epochs follow one another. */
export function packer(shards: TokenShards, o: PackingOptions, start: PackingState = packingStart): Packer {
  const count = documentCount(shards);
  let { epoch, document, token } = start;
  const orderOf = (e: number) => random(`${o.seed}/epoch ${e}`).permutation(count);
  let order = orderOf(epoch);
  return {
    state: () => ({ epoch, document, token }),
    next() {
      const n = o.rows * o.length;
      const batch = {
        tokens: new Int32Array(n),
        targets: new Int32Array(n),
        segments: new Int32Array(n),
        positions: new Int32Array(n),
        weights: new Float32Array(n).fill(1),
      };
      const documents = new Set<number>();
      let segment = 0;
      for (let row = 0; row < o.rows; row++) {
        for (let at = row * o.length; at < (row + 1) * o.length; at++) {
          const which = order[document]!;
          const from = Number(shards.offsets[which]!);
          const size = Number(shards.offsets[which + 1]!) - from;
          documents.add(which);
          // position `token` of end + document: 0 is the end mark, k is the document's k-th token
          batch.tokens[at] = token === 0 ? o.end : shards.tokens[from + token - 1]!;
          batch.targets[at] = token === size ? o.end : shards.tokens[from + token]!;
          batch.segments[at] = segment;
          batch.positions[at] = token;
          if (token === size) {
            token = 0;
            segment++;
            document++;
            if (document === count) {
              document = 0;
              epoch++;
              order = orderOf(epoch);
            }
          } else token++;
        }
        // a document that goes on in the next row has lost its past there: it is another segment
        segment++;
      }
      // positions beyond a row's length would leave the position table: count from the start of the piece
      restart(batch.positions, batch.segments, o.length);
      return { ...batch, documents: [...documents] };
    },
  };
}

/** Positions counted from the start of each segment within each row. */
function restart(positions: Int32Array, segments: Int32Array, length: number): void {
  for (let i = 0; i < positions.length; i++) positions[i] = i % length === 0 || segments[i] !== segments[i - 1] ? 0 : positions[i - 1]! + 1;
}
