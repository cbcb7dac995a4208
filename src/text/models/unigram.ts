/**
 * Unigram language model (Kudo 2018; SentencePiece): of all ways to cut a piece into tokens the one of greatest score, by Viterbi over a
 * trie. An unknown character costs ten more than the worst token; unknown neighbours become one token, or bytes.
 */
import { z } from "zod";
import { textErrors } from "../errors.ts";
import { readRow } from "../rows.ts";
import type { TokenModel } from "./model.ts";
import { byteIdsOf, byteTokens, makeVocabulary } from "./vocabulary.ts";

const UNKNOWN_PENALTY = 10;

const shape = {
  vocab: z.custom<readonly (readonly [string, number])[]>(
    v => Array.isArray(v) && v.every(e => Array.isArray(e) && e.length === 2 && typeof e[0] === "string" && typeof e[1] === "number"),
    "a list of [token, score]",
  ),
  unk_id: z.int().nonnegative().nullable().optional(),
  byte_fallback: z.boolean().default(false),
};

/** A trie over UTF-16 units in one hash table: (node, unit) -> node; nodes carry the id of the token that ends there. */
class Trie {
  private slots = new Int32Array(1 << 12).fill(-1); // node, unit, child
  private mask = (1 << 10) - 1;
  readonly ids: number[] = [-1];

  add(token: string, id: number): void {
    let node = 0;
    for (let i = 0; i < token.length; i++) {
      const unit = token.charCodeAt(i);
      let child = this.child(node, unit);
      if (child < 0) {
        child = this.ids.push(-1) - 1;
        if (child * 2 > this.mask) this.grow();
        this.slots.set([node, unit, child], this.slot(node, unit));
      }
      node = child;
    }
    this.ids[node] = id;
  }

  child(node: number, unit: number): number {
    return this.slots[this.slot(node, unit) + 2]!;
  }

  private slot(node: number, unit: number): number {
    const { slots, mask } = this;
    const h = Math.imul(node, 0x9e3779b1) ^ Math.imul(unit, 0x85ebca6b);
    for (let at = (h ^ (h >>> 15)) & mask; ; at = (at + 1) & mask) {
      const s = at * 4;
      if (slots[s]! < 0 || (slots[s] === node && slots[s + 1] === unit)) return s;
    }
  }

  private grow(): void {
    const old = this.slots;
    this.slots = new Int32Array(old.length * 2).fill(-1);
    this.mask = this.slots.length / 4 - 1;
    for (let s = 0; s < old.length; s += 4) if (old[s]! >= 0) this.slots.set(old.subarray(s, s + 4), this.slot(old[s]!, old[s + 1]!));
  }
}

export const unigram = readRow(shape, (o, place): TokenModel => {
  const vocabulary = makeVocabulary(
    o.vocab.map(([token], id) => [token, id] as const),
    `${place}.vocab`,
  );
  const unknown = o.unk_id ?? undefined;
  if (unknown !== undefined && unknown >= o.vocab.length)
    throw textErrors.fail("brokenTokenizer", {
      place: `${place}.unk_id`,
      expected: `an id below the vocabulary's ${o.vocab.length}`,
      received: String(unknown),
    });
  const scores = Float64Array.from(o.vocab, ([, score]) => score);
  const unknownScore = scores.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY) - UNKNOWN_PENALTY;
  const fallback = o.byte_fallback ? byteTokens(vocabulary) : undefined;
  const trie = new Trie();
  for (const [token, id] of vocabulary.ids) if (token !== "") trie.add(token, id);
  const { ids: idOfNode } = trie;

  const encode: TokenModel["encode"] = (piece, emit) => {
    const n = piece.length;
    // The best way to reach each position: its score, and the start and id of its last token.
    const score = new Float64Array(n + 1);
    const from = new Int32Array(n + 1).fill(-1);
    const last = new Int32Array(n + 1);
    const reach = (start: number, end: number, id: number, s: number): void => {
      if (from[end]! >= 0 && s <= score[end]!) return;
      score[end] = s;
      from[end] = start;
      last[end] = id;
    };
    for (let start = 0; start < n; ) {
      const width = piece.codePointAt(start)! > 0xffff ? 2 : 1;
      let isKnown = false;
      for (let end = start, node = 0; end < n; ) {
        node = trie.child(node, piece.charCodeAt(end++));
        if (node < 0) break;
        const id = idOfNode[node]!;
        if (id < 0) continue;
        reach(start, end, id, score[start]! + scores[id]!);
        if (end - start === width) isKnown = true;
      }
      if (!isKnown) reach(start, start + width, -1, score[start]! + unknownScore);
      start += width;
    }
    const cuts: number[] = [];
    for (let end = n; end > 0; end = from[end]!) {
      // Neighbouring unknown characters are one.
      if (last[end]! < 0 && cuts.length > 0 && last[cuts.at(-1)!]! < 0) from[cuts.at(-1)!] = from[end]!;
      else cuts.push(end);
    }
    for (const end of cuts.reverse()) {
      const start = from[end]!;
      const id = last[end]!;
      const bytes = id < 0 && fallback ? byteIdsOf(piece.slice(start, end), fallback) : undefined;
      if (id >= 0) emit(id, start, end);
      else if (bytes) for (const byteId of bytes) emit(byteId, start, end);
      else if (unknown !== undefined) emit(unknown, start, end);
      else
        throw textErrors.fail("brokenTokenizer", {
          place: `${place}.unk_id`,
          expected: "the id of an unknown token",
          received: `none, and ${JSON.stringify(piece.slice(start, end))} is not in the vocabulary`,
        });
    }
  };
  return { vocabulary, encode };
});
