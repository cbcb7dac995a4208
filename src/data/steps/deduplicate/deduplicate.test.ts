import fc from "fast-check";
import { expect, test } from "vitest";
import { random, sha256 } from "../../../base/index.ts";
import type { Document } from "../../document.ts";
import { runInMemory } from "../../plan/in-memory.ts";
import { deduplicate } from "./deduplicate.ts";
import { exactKey, normalise } from "./exact.ts";

const document = (id: string, text: string): Document => ({ id, text, source: id, attributes: {} });
const judge = async (documents: readonly Document[], options: unknown = {}) => {
  const found = await runInMemory(deduplicate.plan(deduplicate.options.parse(options)), documents);
  const verdicts = documents.flatMap(({ id }, i) => (found[i]?.verdicts ? [[id, found[i].verdicts[0]!] as const] : []));
  return new Map(verdicts.sort(([a], [b]) => (a < b ? -1 : 1)));
};
const base = Array.from({ length: 80 }, (_, i) => `word${i}`);
const long = base.join(" ");

test("texts equal but for case, spacing and form are one; the longest stays, then the smallest id", async () => {
  const verdicts = await judge([
    document("b", "Hello  World"),
    document("a", "hello world"),
    document("c", "hello world"),
    document("d", "other"),
  ]);
  expect([...verdicts.keys()]).toEqual(["a", "c"]);
  expect(verdicts.get("a")).toEqual({ rule: "exact", keep: false, value: 1, threshold: 1, cluster: "a", survivor: "b" });
});

test("without fuzzy, near-duplicates stay", async () => {
  expect((await judge([document("a", long), document("b", `${long} more`)])).size).toBe(0);
});

test("fuzzy: a near-duplicate goes with its similarity, and a copy of it names the one that stays", async () => {
  const verdicts = await judge([document("a", `${long} more`), document("b", long), document("c", long.toUpperCase())], { fuzzy: true });
  expect(verdicts.get("b")).toMatchObject({ rule: "near-duplicate", survivor: "a", threshold: 0.7, value: 76 / 77 });
  expect(verdicts.get("c")).toMatchObject({ rule: "exact", survivor: "a" });
});

test("chains do not run away: what is only like a text that goes stays itself", async () => {
  // Each differs from the next by ten words of eighty; the first and the last have little in common.
  const chain = Array.from({ length: 5 }, (_, k) => document(`d${k}`, base.map((w, i) => (i < 10 * k ? `new${i}` : w)).join(" ")));
  const verdicts = await judge(chain, { fuzzy: { threshold: 0.6 } });
  for (const [, v] of verdicts) {
    expect(v.value as number).toBeGreaterThanOrEqual(0.6);
    expect(verdicts.has(v.survivor!)).toBe(false);
  }
  expect(verdicts.size).toBeGreaterThan(0);
  expect(verdicts.size).toBeLessThan(4);
});

test("who stays does not depend on the order of reading", async () => {
  const documents = Array.from({ length: 60 }, (_, i) => {
    const changed = base.map((w, k) => ((k * 7 + i * 3) % 80 < i % 4 ? `x${i}` : w));
    return document(`d${i % 20}-${i}`, i % 5 === 0 ? long : changed.join(" "));
  });
  const first = await judge(documents, { fuzzy: true });
  expect(first.size).toBeGreaterThan(20);
  for (const seed of [1, 2, 3]) {
    const shuffled = [...random(seed).permutation(documents.length)].map(i => documents[i]!);
    expect(await judge(shuffled, { fuzzy: true })).toEqual(first);
  }
});

test("an impossible threshold is refused", async () => {
  expect(() => deduplicate.options.parse({ fuzzy: { threshold: 1.2 } })).toThrow();
  expect(() => deduplicate.options.parse({ fuzzy: { bands: 0 } })).toThrow();
});

test("the key of a text is the hash of its normal form, in ASCII and beyond", async () => {
  const piece = fc.constantFrom(
    "a",
    "B",
    " ",
    "\t",
    "\n",
    "\v",
    "\f",
    "\r",
    "\u001c",
    "\0",
    "\u00a0",
    "é",
    "e\u0301",
    "ﬁ",
    "\ufeff",
    "İ",
    "\ud800",
  );
  for (const ascii of [true, false])
    fc.assert(
      fc.property(fc.array(ascii ? piece.filter(p => p < "\u0080") : piece, { maxLength: 20 }), pieces => {
        const text = pieces.join("");
        expect(exactKey(text).hash.toString("hex")).toBe(sha256(normalise(text)).slice(0, 32));
      }),
    );
});

test("of copies in other characters the longest stays, compared by its own shingles, in any order", async () => {
  // The ligature is one letter to the shingles and two to the normal form: copies with different shingles.
  const ligature = `${long} \ufb01x`;
  const documents = [document("a", `${long} fix`), document("b", ligature), document("c", `${long} more`)];
  const first = await judge(documents, { fuzzy: true });
  expect(first.get("a")).toMatchObject({ rule: "exact" });
  for (const order of [
    [2, 1, 0],
    [1, 0, 2],
    [0, 2, 1],
  ])
    expect(
      await judge(
        order.map(i => documents[i]!),
        { fuzzy: true },
      ),
    ).toEqual(first);
});

/** The same verdicts by the definition: every pair compared, no hash, no bands. */
function byDefinition(documents: readonly Document[], threshold: number): Map<string, string> {
  const grams = (text: string) => {
    const w = text.toLowerCase().match(/[a-z0-9]+/g) ?? [];
    return new Set(w.slice(4).map((_, i) => w.slice(i, i + 5).join(" ")));
  };
  const gone = new Map<string, string>();
  const stay: Document[] = [];
  const best = [...documents].sort(
    (x, y) =>
      Buffer.byteLength(y.text) - Buffer.byteLength(x.text) ||
      (sha256(normalise(x.text)) < sha256(normalise(y.text))
        ? -1
        : sha256(normalise(x.text)) > sha256(normalise(y.text))
          ? 1
          : x.id < y.id
            ? -1
            : 1),
  );
  for (const d of best) {
    const likes = stay.map(s => {
      const [a, b] = [grams(d.text), grams(s.text)];
      const both = [...a].filter(g => b.has(g)).length;
      return { id: s.id, s: normalise(d.text) === normalise(s.text) ? 2 : both / (a.size + b.size - both || 1) };
    });
    const twin = likes.reduce<{ id: string; s: number } | undefined>((t, l) => (l.s >= threshold && l.s > (t?.s ?? 0) ? l : t), undefined);
    if (twin) gone.set(d.id, twin.id);
    else stay.push(d);
  }
  return gone;
}

test("with bands that miss nothing the verdicts are those of comparing every pair", async () => {
  for (const seed of [1, 2, 3]) {
    const draw = random(seed);
    const documents = Array.from({ length: 70 }, (_, i) => {
      const changed = base.slice(0, 20 + draw.below(3)).map(w => (draw.uniform() < 0.03 ? `x${draw.below(3)}` : w));
      return document(`d${i}`, i % 9 === 0 ? `${i} b` : `${draw.below(3)} ${changed.join(" ")}`);
    });
    const got = await judge(documents, { fuzzy: { bands: 200, rows: 1, threshold: 0.6 } });
    const expected = byDefinition(documents, 0.6);
    expect(expected.size, `seed ${seed}`).toBeGreaterThan(20);
    expect(new Map([...got].map(([id, v]) => [id, v.survivor!]))).toEqual(new Map([...expected].sort(([a], [b]) => (a < b ? -1 : 1))));
  }
});
