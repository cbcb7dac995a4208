/**
 * Packs documents into rows of equal length. A document is preceded by an end mark and followed by one, so its first token is predicted and so
 * is its end. Long documents are cut into pieces; an epoch's pieces are laid into rows (best fit, little room is left) and the rows are drawn
 * in random order, so that no long document fills a whole step. A row knows which piece each position belongs to (attention stays inside it)
 * and its place in it. Everything is a function of seed and epoch, so the position in the data is two numbers.
 */
import { type Random, random } from "../base/index.ts";
import { fillRows } from "../data/index.ts";
import { trainErrors } from "./errors.ts";
import type { RowPacking } from "./part.ts";

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
  /** How an epoch's pieces share rows (default best-fit); `none`: a row each, padded. */
  readonly packing?: RowPacking | undefined;
}

/** Which row comes next. */
export interface PackingState {
  readonly epoch: number;
  readonly row: number;
}
export const packingStart: PackingState = { epoch: 0, row: 0 };

export interface PackedBatch {
  readonly tokens: Int32Array;
  readonly targets: Int32Array;
  /** Number of the piece within its batch; -1 where nothing is. */
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

/** Which of a batch's rows are wanted, when it is cut into `of` parts of equal size: rows past the batch's end are padding. */
export interface RowShare {
  readonly part: number;
  readonly of: number;
}
/** Rows of a part. */
export const rowsOfShare = (rows: number, { of }: RowShare): number => Math.ceil(rows / of);
const allRows: RowShare = { part: 0, of: 1 };

export interface Packer {
  /** A batch of the packer's rows, or of so many; of them those of a share. */
  next(rows?: number, share?: RowShare): PackedBatch;
  state(): PackingState;
}

/** A piece of end + document: `size` positions from position `from` (0 is the end mark before it). */
interface Piece {
  readonly document: number;
  readonly from: number;
  readonly size: number;
}

/** All pieces of an epoch. Where a long document is first cut is drawn anew each epoch, so no place is always without a past. */
function piecesOf(shards: TokenShards, length: number, draw: Random): Piece[] {
  const pieces: Piece[] = [];
  for (let document = 0; document < documentCount(shards); document++) {
    const positions = Number(shards.offsets[document + 1]!) - Number(shards.offsets[document]!) + 1;
    let size = positions <= length ? positions : 1 + draw.below(length);
    for (let from = 0; from < positions; from += size, size = Math.min(length, positions - from)) pieces.push({ document, from, size });
  }
  return pieces;
}

/** Rows of piece numbers. Padded rows are what training without packing costs: every position is computed, those without a token weigh nothing. */
const packings: { readonly [P in RowPacking]: (sizes: readonly number[], length: number) => number[][] } = {
  "best-fit": fillRows,
  none: sizes => sizes.map((_, piece) => [piece]),
};

/** Rows of an epoch, in the order in which they are drawn. */
function rowsOf(shards: TokenShards, o: PackingOptions, epoch: number): Piece[][] {
  const draw = random(`${o.seed}/epoch ${epoch}`);
  const pieces = piecesOf(shards, o.length, draw);
  const sizes = pieces.map(p => p.size);
  const rows = packings[o.packing ?? "best-fit"](sizes, o.length);
  return Array.from(draw.permutation(rows.length), i => rows[i]!.map(p => pieces[p]!));
}

/** Batches without end; epochs follow one another. */
export function packer(shards: TokenShards, o: PackingOptions, start: PackingState = packingStart): Packer {
  let { epoch, row } = start;
  let rows = rowsOf(shards, o, epoch);
  return {
    state: () => ({ epoch, row }),
    next(count = o.rows, share = allRows) {
      const own = rowsOfShare(count, share);
      const n = own * o.length;
      const batch = {
        tokens: new Int32Array(n).fill(o.end),
        targets: new Int32Array(n).fill(o.end),
        segments: new Int32Array(n).fill(-1),
        positions: new Int32Array(n),
        weights: new Float32Array(n),
      };
      const documents = new Set<number>();
      let segment = 0;
      for (let r = 0; r < count; r++) {
        let at = (r - share.part * own) * o.length;
        for (const piece of at >= 0 && at < n ? rows[row]! : []) {
          const first = Number(shards.offsets[piece.document]!);
          const size = Number(shards.offsets[piece.document + 1]!) - first;
          documents.add(piece.document);
          for (let k = 0; k < piece.size; k++, at++) {
            const position = piece.from + k;
            batch.tokens[at] = position === 0 ? o.end : shards.tokens[first + position - 1]!;
            batch.targets[at] = position === size ? o.end : shards.tokens[first + position]!;
            batch.segments[at] = segment;
            batch.positions[at] = k;
            batch.weights[at] = 1;
          }
          segment++;
        }
        if (++row === rows.length) {
          row = 0;
          epoch++;
          rows = rowsOf(shards, o, epoch);
        }
      }
      return { ...batch, documents: [...documents] };
    },
  };
}
