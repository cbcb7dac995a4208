/**
 * SentencePiece's compiled character map (`precompiled_charsmap`): a double-array trie from UTF-8 to offsets in a block of
 * NUL-terminated replacements. Layout, little endian: bytes of the trie (u32), the trie's units (u32 each, the darts-clone packing),
 * the replacements. Applied as Hugging Face does: grapheme by grapheme where one is short, else character by character.
 */
import { textErrors } from "../errors.ts";
import { byEdits, type NormalizeStep } from "./step.ts";

/** A grapheme of this many UTF-8 bytes or more is taken apart into characters. */
const SHORT_GRAPHEME = 6;

const isLeaf = (unit: number): boolean => ((unit >>> 8) & 1) === 1;
const value = (unit: number): number => unit & 0x7fffffff;
const label = (unit: number): number => unit & 0x800000ff;
const offset = (unit: number): number => (unit >>> 10) << ((unit & 0x200) >>> 6);

/** The step that applies a map given in base64. */
export function precompiled(base64: string, place: string): NormalizeStep {
  const data = Buffer.from(base64, "base64");
  const sizeBytes = data.length >= 4 ? data.readUInt32LE(0) : 0;
  if (data.length < 4 || sizeBytes % 4 !== 0 || sizeBytes > data.length - 4)
    throw textErrors.fail("brokenTokenizer", {
      place,
      expected: "a SentencePiece character map: a trie within the data",
      received: `${data.length} bytes that announce a trie of ${sizeBytes}`,
    });
  const units = new Uint32Array(sizeBytes / 4).map((_, i) => data.readUInt32LE(4 + i * 4));
  const replacements = data.subarray(4 + sizeBytes);
  const encoder = new TextEncoder();

  /** The replacement of the shortest entry that starts `text` (the library takes the first it meets), or undefined. */
  const find = (text: string): string | undefined => {
    let node = 0;
    let unit = units[0];
    if (unit === undefined) return undefined;
    node ^= offset(unit);
    for (const byte of encoder.encode(text)) {
      if (byte === 0) return undefined;
      node ^= byte;
      unit = units[node];
      if (unit === undefined || label(unit) !== byte) return undefined;
      node ^= offset(unit);
      if (isLeaf(unit)) {
        const start = value(units[node] ?? 0);
        const end = replacements.indexOf(0, start);
        return replacements.toString("utf8", start, end < 0 ? replacements.length : end);
      }
    }
    return undefined;
  };
  const graphemes = new Intl.Segmenter("en", { granularity: "grapheme" });
  return byEdits(text => {
    const edits: { from: number; to: number; by: string }[] = [];
    const add = (from: number, old: string): boolean => {
      const by = find(old);
      if (by === undefined) return false;
      edits.push({ from, to: from + old.length, by });
      return true;
    };
    for (const { segment, index } of graphemes.segment(text)) {
      if (Buffer.byteLength(segment) < SHORT_GRAPHEME && add(index, segment)) continue;
      let at = index;
      for (const c of segment) {
        add(at, c);
        at += c.length;
      }
    }
    return edits;
  });
}
