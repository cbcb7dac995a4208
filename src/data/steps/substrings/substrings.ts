/**
 * The substrings step: passages of at least `minBytes` bytes that occur earlier in the corpus, in another document or in the same, are cut;
 * the first occurrence stays. Earlier is by document id, then by place, so the order of reading does not matter. Idea: Lee et al. 2022.
 * Memory: the corpus once as UTF-8 (1 to 1.5 bytes a byte while it grows), an eighth for marks, `tableBytes`. Up to 4 GiB of text.
 */
import { z } from "zod";
import { dataErrors } from "../../errors.ts";
import { type CorpusPass, corpusStep } from "../step.ts";
import { type Marks, repeatedPassages } from "./passages.ts";

const options = z.strictObject({
  /** Shorter repetitions stay. About fifty tokens, as Lee et al. have it. */
  minBytes: z.number().int().min(16).max(65536).default(200),
  /** Memory of the table of one pass; less means more passes and the same result. */
  tableBytes: z
    .number()
    .int()
    .min(2 ** 20)
    .default(2 ** 30),
});

/** Places are 32-bit numbers, and 0 is none. */
const maxCorpusBytes = 2 ** 32 - 2;

const isContinuation = (byte: number | undefined): boolean => byte !== undefined && (byte & 0xc0) === 0x80;

/** The text without the marked bytes, and how many were cut. A character of which only a part is marked stays whole. */
function cut(text: Buffer, start: number, isMarked: Marks): { readonly left: string; readonly bytes: number } {
  const pieces: string[] = [];
  let kept = 0;
  let bytes = 0;
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
    if (from >= to) continue;
    pieces.push(text.toString("utf8", kept, from));
    bytes += to - from;
    kept = to;
  }
  return { left: [...pieces, text.toString("utf8", kept)].join(""), bytes };
}

export const substrings = corpusStep({
  name: "substrings",
  version: 1,
  options,
  begin({ minBytes, tableBytes }): CorpusPass {
    const ids: string[] = [];
    const starts: number[] = [0];
    let corpus = Buffer.alloc(2 ** 16);
    let numbers = new Map<string, number>();
    let found: Marks | undefined;
    return {
      see({ id, text }) {
        const start = starts.at(-1)!;
        const end = start + Buffer.byteLength(text);
        if (end > maxCorpusBytes)
          throw dataErrors.fail("corpusTooLarge", {
            place: id,
            expected: `at most ${maxCorpusBytes} bytes of text for the step substrings`,
            received: `${end}`,
            hint: "Run the step on a part of the corpus, or use deduplicate and repeats.",
          });
        if (end > corpus.length) {
          const larger = Buffer.allocUnsafeSlow(Math.min(maxCorpusBytes, Math.ceil(1.5 * end)));
          corpus.copy(larger, 0, 0, start);
          corpus = larger;
        }
        corpus.write(text, start);
        ids.push(id);
        starts.push(end);
      },
      judge() {
        numbers = new Map(ids.map((id, d) => [id, d]));
        const order = [...ids.keys()].sort((a, b) => (ids[a]! < ids[b]! ? -1 : 1));
        found = repeatedPassages({ bytes: corpus.subarray(0, starts.at(-1)), starts }, order, { length: minBytes, tableBytes });
        return new Map();
      },
      revise({ id }) {
        const d = numbers.get(id);
        if (!found || d === undefined) return {};
        const { left, bytes } = cut(corpus.subarray(starts[d]!, starts[d + 1]!), starts[d]!, found);
        if (bytes === 0) return {};
        const edits = [{ rule: "repeated-passage", value: bytes }];
        if (left.trim() !== "") return { text: left, edits };
        // The text stays readable among what was dropped.
        return { edits, verdicts: [{ rule: "only-repeats", keep: false, value: 0, threshold: 1 }] };
      },
    };
  },
});
