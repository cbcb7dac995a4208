/**
 * The substrings step: passages of at least `minBytes` bytes that occur earlier in the corpus, in another document or in the same, are cut;
 * the first occurrence stays. Earlier is by document id, then by place, so the order of reading does not matter. Idea: Lee et al. 2022.
 * As messages: every document sends fingerprints of itself, so chosen that two texts with a passage in common have one in common; texts linked
 * by fingerprints make sets, and each set is searched by itself as if the corpus were nothing else. Memory: 40 bytes a linked document, and of
 * the largest set its text once as UTF-8, an eighth for marks, and `tableBytes` or 12 bytes a byte, whichever is less.
 */

import type { z } from "zod";
import { dataErrors } from "../../errors.ts";
import { bytesOfKey, everything, keyFrom, namedMessage, nameFrom, textKey } from "../messages.ts";
import { linkHashes } from "../near-duplicates/index.ts";
import { type CorpusPlan, corpusStep, type Group, type GroupRound, type Out } from "../step.ts";
import { fingerprints } from "./fingerprints.ts";
import { substringsOptions } from "./options.ts";
import { type Marks, repeatedPassages } from "./passages.ts";

type Options = z.output<typeof substringsOptions>;

/** Places are 32-bit numbers, and 0 is none. */
const maxCorpusBytes = 2 ** 32 - 2;

const isContinuation = (byte: number | undefined): boolean => byte !== undefined && (byte & 0xc0) === 0x80;

/** Marked bytes of a text, as [from, to) pairs. A character of which only a part is marked stays whole. */
function rangesOf(text: Buffer, start: number, isMarked: Marks): number[] {
  const ranges: number[] = [];
  for (let at = 0; at < text.length; ) {
    if (!isMarked.has(start + at)) {
      at++;
      continue;
    }
    let [from, to] = [at, at];
    while (to < text.length && isMarked.has(start + to)) to++;
    at = to;
    while (from < to && isContinuation(text[from])) from++;
    while (to > from && isContinuation(text[to])) to--;
    if (from < to) ranges.push(from, to);
  }
  return ranges;
}

/** The text without ranges of its bytes. */
function without(text: Buffer, ranges: Uint32Array): string {
  const pieces: string[] = [];
  let kept = 0;
  for (let i = 0; i < ranges.length; i += 2) {
    pieces.push(text.toString("utf8", kept, ranges[i]));
    kept = ranges[i + 1]!;
  }
  return [...pieces, text.toString("utf8", kept)].join("");
}

/** Texts of one set; values: length of the name, the name, the text. */
function find(group: Group, { minBytes, tableBytes }: Options, out: Out): void {
  const names: ReturnType<typeof nameFrom>[] = [];
  const starts: number[] = [0];
  let size = 0;
  for (const value of group.values()) size += value.length - 4 - value.readUInt32LE(0);
  if (size > maxCorpusBytes)
    throw dataErrors.fail("corpusTooLarge", {
      place: "substrings",
      expected: `at most ${maxCorpusBytes} bytes of text that passages in common hold together`,
      received: `${size}`,
      hint: "Put deduplicate or repeats before substrings, or raise minBytes.",
    });
  const corpus = Buffer.allocUnsafeSlow(size);
  for (const value of group.values()) {
    const textAt = 4 + value.readUInt32LE(0);
    names.push(nameFrom(value.subarray(4, textAt)));
    const start = starts.at(-1)!;
    corpus.set(value.subarray(textAt), start);
    starts.push(start + value.length - textAt);
  }
  const order = [...names.keys()].sort((a, b) => (names[a]!.id < names[b]!.id ? -1 : 1));
  const found = repeatedPassages({ bytes: corpus, starts }, order, { length: minBytes, tableBytes });
  for (const [d, { ref }] of names.entries()) {
    const ranges = rangesOf(corpus.subarray(starts[d]!, starts[d + 1]!), starts[d]!, found);
    if (ranges.length > 0) out.tell(ref, Buffer.from(Uint32Array.from(ranges).buffer));
  }
}

/** Tells fingerprints from other keys. */
const printMark = 0x7072696e;

/** Documents that sent the same fingerprint, or one document twice. */
const meetRound: GroupRound = {
  atLeast: 2,
  unordered: true,
  reduce(group, out) {
    let first: Buffer | undefined;
    for (const value of group.values()) if (!first || Buffer.compare(value, first) < 0) first = value;
    let last: Buffer | undefined;
    let same = 0;
    for (const value of group.values()) {
      if (value.equals(first!)) {
        same++;
        continue;
      }
      if (last?.equals(value)) continue;
      last = value;
      out.send(1, everything, Buffer.concat([first!, value]));
    }
    if (same > 1) out.send(1, everything, Buffer.concat([first!, first!]));
    // The same of another than the first is linked to it already.
  },
};

/** A document and the set it is in. */
const setRound: GroupRound = {
  atLeast: 2,
  unordered: true,
  reduce(group, out) {
    let set: Buffer | undefined;
    let ref: number | undefined;
    for (const value of group.values())
      if (value[0] === 0) set = value.subarray(1);
      else ref = nameFrom(value).ref;
    if (set && ref !== undefined) out.tell(ref, set);
  },
};

const planOf = (o: Options): CorpusPlan => ({
  phases: [
    {
      ask(asked, send) {
        for (const { document, ref } of asked) {
          const name = textKey(document.id);
          const bytes = bytesOfKey(name);
          let prints = 0;
          for (const [a, b] of fingerprints(Buffer.from(document.text), o.minBytes)) {
            send(0, [a, b, printMark, 0], bytes);
            prints++;
          }
          if (prints > 0) send(2, name, Buffer.concat([Buffer.of(1), namedMessage(document, ref)]));
        }
      },
      rounds: [meetRound, linkHashes.join(2), setRound],
    },
    {
      ask(asked, send) {
        for (const { document, ref, received } of asked) {
          const name = namedMessage(document, ref);
          const length = Buffer.allocUnsafe(4);
          length.writeUInt32LE(name.length);
          send(0, keyFrom(received[0]!), Buffer.concat([length, name, Buffer.from(document.text)]));
        }
      },
      rounds: [{ unordered: true, reduce: (group, out) => find(group, o, out) }],
    },
  ],
  settle({ text }, received) {
    // What comes last is what to cut; before it the set's name.
    const told = received.length > 1 ? received.at(-1)! : Buffer.alloc(0);
    const ranges = new Uint32Array(told.length / 4);
    if (ranges.length === 0) return {};
    Buffer.from(ranges.buffer).set(told);
    const left = without(Buffer.from(text), ranges);
    let bytes = 0;
    for (let i = 0; i < ranges.length; i += 2) bytes += ranges[i + 1]! - ranges[i]!;
    const edits = [{ rule: "repeated-passage", value: bytes }];
    if (left.trim() !== "") return { text: left, edits };
    // The text stays readable among what was dropped.
    return { edits, verdicts: [{ rule: "only-repeats", keep: false, value: 0, threshold: 1 }] };
  },
});

export const substrings = corpusStep({ name: "substrings", version: 3, options: substringsOptions, plan: planOf });
