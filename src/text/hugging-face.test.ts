/**
 * Tokenizers of every kind against what Hugging Face's Rust library (tokenizers 0.23.3, the format's own implementation) made of hard
 * texts; the file is written by bench/peers/tokenizer_golden.py.
 */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { loadTokenizer } from "./load.ts";

interface Row {
  readonly text: string;
  readonly ids: number[];
  readonly places: readonly (readonly [number, number])[];
  readonly decoded: string;
  readonly skipped: string;
}
interface Golden {
  readonly cases: readonly { readonly name: string; readonly tokenizer: unknown; readonly rows: readonly Row[] }[];
}
const golden = JSON.parse(readFileSync(new URL("./hugging-face.golden.json", import.meta.url), "utf8")) as Golden;

for (const { name, tokenizer, rows } of golden.cases)
  for (const plain of [false, true]) {
    const loaded = loadTokenizer(tokenizer, { plain });
    const label = `${name}${plain ? " (piece by piece)" : ""}`;

    test(`${label}: ids and texts are the Rust library's on ${rows.length} texts`, () => {
      for (const { text, ids, decoded, skipped } of rows) {
        expect([...loaded.encode(text)], JSON.stringify(text)).toEqual(ids);
        expect(loaded.decode(ids), JSON.stringify(text)).toBe(decoded);
        expect(loaded.decode(ids, { skipSpecialTokens: true })).toBe(skipped);
        const stream = loaded.stream();
        expect(ids.map(id => stream.push(id)).join("") + stream.end()).toBe(decoded);
      }
    });

    test(`${label}: places are the Rust library's, or hold them where characters were joined`, () => {
      for (const { text, places, ids } of rows) {
        const found = loaded.encodeWithOffsets(text);
        expect([...found.ids]).toEqual(ids);
        const wrong = places.filter(([start, end], i) => {
          const [from, to] = [found.starts[i]!, found.ends[i]!];
          if (from === start && to === end) return false;
          // Space that a tokenizer puts in stands nowhere in the text; the Rust library gives it the place of a neighbour.
          if (from === to && /^[Ġ▁]+$/.test(loaded.tokenOf(ids[i]!)!)) return false;
          // Where several characters became one (e and an accent, a run of spaces), ours is the place of all of them, theirs of one.
          const isJoined = text.normalize("NFKC") !== text || /(?:\s|▁|\u200b|\u200d|\ufeff){2}/.test(text) || end === start;
          return !(isJoined && from <= start && to >= end);
        });
        expect(wrong, JSON.stringify(text)).toEqual([]);
      }
    });
  }
