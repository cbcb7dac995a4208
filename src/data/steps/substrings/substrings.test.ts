import { expect, test } from "vitest";
import { rounds } from "../../../../test/support/deep.ts";
import { random } from "../../../base/index.ts";
import type { Document } from "../../document.ts";
import { runInMemory } from "../../plan/in-memory.ts";
import { fingerprints } from "./fingerprints.ts";
import { numPasses, repeatedPassages } from "./passages.ts";
import { substrings } from "./substrings.ts";

const document = (id: string, text: string): Document => ({ id, text, source: id, attributes: {} });
async function run(documents: readonly Document[], options: unknown = { minBytes: 16 }): Promise<Map<string, string | undefined>> {
  const found = await runInMemory(substrings.plan(substrings.options.parse(options)), documents);
  return new Map(
    documents
      .map((d, i) => {
        const { text, verdicts } = found[i] ?? {};
        return [d.id, verdicts?.some(v => !v.keep) ? undefined : (text ?? d.text)] as const;
      })
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );
}

/** The definition, window by window: of equal windows the first stays, and a run keeps one whole window. */
function byDefinition(texts: readonly string[], length: number): string[] {
  const first = new Map<string, readonly [number, number]>();
  return texts.map((text, t) => {
    const gone = new Set<number>();
    for (let at = 0; at + length <= text.length; at++) {
      const window = text.slice(at, at + length);
      const was = first.get(window);
      if (!was) first.set(window, [t, at]);
      else for (let i = was[0] === t ? Math.max(at, was[1] + length) : at; i < at + length; i++) gone.add(i);
    }
    return [...text].filter((_, i) => !gone.has(i)).join("");
  });
}

/** Texts over few letters, with passages taken from one another. */
function corpus(seed: number): string[] {
  const draw = random(seed);
  const pool = Array.from({ length: 6 }, () => Array.from({ length: 10 + draw.below(50) }, () => "ab"[draw.below(2)]).join(""));
  return Array.from({ length: 30 }, () =>
    Array.from({ length: 1 + draw.below(4) }, () =>
      draw.below(3) === 0 ? "xyz"[draw.below(3)]!.repeat(draw.below(60)) : pool[draw.below(6)]!.slice(draw.below(9)),
    ).join(""),
  );
}

test("what is cut is what the definition says, in any order of reading", async () => {
  for (let seed = 1; seed <= 12; seed++) {
    const texts = corpus(seed);
    const documents = texts.map((text, i) => document(`d${String(i).padStart(2, "0")}`, text));
    const expected = new Map(
      byDefinition(texts, 16).map((text, i) => [documents[i]!.id, text.trim() === "" && texts[i] !== "" ? undefined : text]),
    );
    expect(await run(documents), `seed ${seed}`).toEqual(expected);
    const shuffled = [...random(seed).permutation(documents.length)].map(i => documents[i]!);
    expect(await run(shuffled), `seed ${seed}, shuffled`).toEqual(expected);
  }
});

test("less memory, more passes, the same marks; and they are those of a suffix array", async () => {
  for (let seed = 1; seed <= 5; seed++) {
    const bytes = Buffer.from(corpus(seed).join(""));
    const starts = [0, bytes.length >> 1, bytes.length];
    const length = 20;
    const marksWith = (tableBytes: number) => {
      const found = repeatedPassages({ bytes, starts }, [0, 1], { length, tableBytes });
      return Array.from(bytes, (_, at) => found.has(at));
    };
    const once = marksWith(2 ** 30);
    expect(numPasses(bytes.length, { length, tableBytes: 2000 })).toBeGreaterThan(4);
    expect(marksWith(2000), `seed ${seed}`).toEqual(once);

    // Neighbours in the sorted suffixes that share `length` bytes hold equal windows; of such a run all but the smallest place are marked.
    const suffixes = starts
      .slice(0, 2)
      .flatMap((from, d) => Array.from({ length: starts[d + 1]! - from }, (_, i) => ({ at: from + i, end: starts[d + 1]! })));
    const window = ({ at, end }: { at: number; end: number }) => bytes.toString("latin1", at, Math.min(end, at + length));
    const windows = suffixes
      .filter(s => s.at + length <= s.end)
      .sort((a, b) => (window(a) < window(b) ? -1 : window(a) > window(b) ? 1 : a.at - b.at));
    const expected = new Array<boolean>(bytes.length).fill(false);
    for (let i = 0, first = 0; i < windows.length; i++) {
      if (window(windows[i]!) !== window(windows[first]!)) first = i;
      if (i === first) continue;
      const [a, b] = [windows[first]!, windows[i]!];
      for (let at = a.end === b.end ? Math.max(b.at, a.at + length) : b.at; at < b.at + length; at++) expected[at] = true;
    }
    expect(once, `seed ${seed}`).toEqual(expected);
  }
});

test("a character is cut whole or not at all", async () => {
  const passage = "éàüößéïôç";
  // The windows begin and end within the two bytes of a character, because what stands around differs by its first byte only.
  const documents = [document("a", `x${passage}é`), document("b", `y${passage}ê`)];
  const got = await run(documents, { minBytes: 17 });
  expect(got.get("a")).toBe(documents[0]!.text);
  expect(got.get("b")).toBe("yê");
});

test("a text that is all repetition is dropped, with the bytes it lost in the ledger", async () => {
  const text = "the same long sentence, again and again";
  const documents = ["a", "b"].map(id => document(id, text));
  const plan = substrings.plan(substrings.options.parse({ minBytes: 16 }));
  expect(await runInMemory(plan, documents)).toEqual([
    {},
    {
      edits: [{ rule: "repeated-passage", value: text.length }],
      verdicts: [{ rule: "only-repeats", keep: false, value: 0, threshold: 1 }],
    },
  ]);
});

test("texts shorter than a window, and no texts at all, stay as they are", async () => {
  expect(await run([])).toEqual(new Map());
  expect(await run([document("a", "short"), document("b", "short"), document("c", "")])).toEqual(
    new Map([
      ["a", "short"],
      ["b", "short"],
      ["c", ""],
    ]),
  );
});

test("two texts with a passage in common have a fingerprint in common, whatever stands around it", () => {
  for (let seed = 0; seed < rounds(300); seed++) {
    const draw = random(seed);
    const length = 16 + draw.below(60);
    const some = (n: number) => Buffer.from(Array.from({ length: n }, () => "ab "[draw.below(3)]).join(""));
    const passage = some(length);
    const [a, b] = [0, 1].map(() => Buffer.concat([some(draw.below(200)), passage, some(draw.below(200))]));
    const prints = (text: Buffer) => new Set(Array.from(fingerprints(text, length), p => p.join(" ")));
    const theirs = prints(b!);
    expect(
      [...prints(a!)].some(p => theirs.has(p)),
      `seed ${seed}`,
    ).toBe(true);
  }
});

test("fingerprints are few: about one in a quarter of the length, and one for a run of the same letter", () => {
  const draw = random("few");
  const text = Buffer.from(Array.from({ length: 50_000 }, () => String.fromCharCode(97 + draw.below(26))).join(""));
  const count = [...fingerprints(text, 200)].length;
  expect(count).toBeGreaterThan(50_000 / 102);
  expect(count).toBeLessThan((1.3 * 50_000) / 51);
  expect([...fingerprints(Buffer.alloc(5000, "-"), 200)].length).toBeLessThan(60);
  expect([...fingerprints(Buffer.alloc(199, "-"), 200)]).toEqual([]);
});
