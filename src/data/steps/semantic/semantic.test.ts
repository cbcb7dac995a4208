import fc from "fast-check";
import { expect, test } from "vitest";
import { random } from "../../../base/index.ts";
import type { Document } from "../../document.ts";
import { runInMemory } from "../../plan/in-memory.ts";
import type { Embedder } from "../../resources.ts";
import { codesOf, cosineOfCodes, encode } from "../../semantic/index.ts";
import { semanticOptions } from "./options.ts";
import { semanticPlan, semanticWindows } from "./semantic.ts";
import { semanticRank } from "./value.ts";

const width = 48;
const normal = (seed: string) => {
  const r = random(seed);
  return Float32Array.from({ length: width }, () => r.normal());
};
/** A text's topic is its first word; what follows moves its vector a little. */
const vectorOf = (text: string): Float32Array => {
  const [topic = "", ...rest] = text.split(" ");
  const own = normal(`topic ${topic}`);
  const other = normal(`text ${rest.join(" ")}`);
  const v = own.map((x, i) => x + 0.15 * other[i]!);
  const length = Math.hypot(...v);
  return v.map(x => x / length);
};
const embedder: Embedder = { width, embed: async texts => texts.map(vectorOf) };
const options = (more: object = {}) => semanticOptions.parse({ model: "m", minWords: 0, ...more });
const document = (id: string, text: string, attributes = {}): Document => ({ id, text, source: "s", attributes });
const verdictsOf = async (documents: readonly Document[], o = options()) => {
  const applied = await runInMemory(semanticPlan(o, embedder), documents);
  return new Map(documents.flatMap((d, i) => (applied[i]?.verdicts ? [[d.id, applied[i]!.verdicts![0]!] as const] : [])));
};
const corpus = (topics: number, each: number) =>
  Array.from({ length: topics * each }, (_, i) =>
    document(`d${String(i).padStart(4, "0")}`, `topic${i % topics} text ${i} ${"x".repeat(i % 7)}`),
  );

test("of texts that are alike the best by attribute stays, then the longest, then the smallest hash, then the smallest id", async () => {
  const texts = [document("a", "tea one"), document("b", "tea longer"), document("c", "tea two!"), document("d", "coffee one")];
  const found = await verdictsOf(texts);
  expect([...found.keys()]).toEqual(["a", "c"]);
  expect(found.get("a")).toMatchObject({ rule: "semantic-duplicate", keep: false, threshold: 0.95, cluster: "a", survivor: "b" });
  const graded = texts.map((d, i) => ({ ...d, attributes: { grade: i === 2 ? 5 : -1 } }));
  expect([...(await verdictsOf(graded, options({ quality: "grade" }))).keys()]).toEqual(["a", "b"]);
  const copies = ["z", "y", "x"].map(id => document(id, "tea one"));
  expect([...(await verdictsOf(copies)).keys()].sort()).toEqual(["y", "z"]);
});

test("ranks sort by quality, size and hash, whatever the numbers", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.double(), fc.string({ maxLength: 5 })), { minLength: 2, maxLength: 2 }), ([a, b]) => {
      const rank = ([q, text]: [number, string]) => semanticRank({ text, attributes: { q } }, "q");
      const quality = ([q]: [number, string]) => (Number.isNaN(q) ? Number.NEGATIVE_INFINITY : q);
      const [x, y] = [a!, b!];
      const bytes = (t: [number, string]) => Buffer.byteLength(t[1]);
      const order = Math.sign(Buffer.compare(rank(x), rank(y)));
      if (quality(x) !== quality(y)) expect(order).toBe(quality(x) > quality(y) ? -1 : 1);
      else if (bytes(x) !== bytes(y)) expect(order).toBe(bytes(x) > bytes(y) ? -1 : 1);
    }),
  );
});

test("the order of documents changes nothing, with one cell and with many", async () => {
  const documents = corpus(40, 5);
  for (const o of [options(), options({ cellSize: 25, probes: 2 })]) {
    const expected = await verdictsOf(documents, o);
    expect(expected.size).toBeGreaterThan(70);
    for (const seed of [1, 2]) {
      const shuffled = [...random(seed).permutation(documents.length)].map(i => documents[i]!);
      const found = await verdictsOf(shuffled, o);
      expect(new Map([...found].sort())).toEqual(new Map([...expected].sort()));
    }
  }
});

test("every document that goes has a survivor that stays and is truly like it, and is worse than it", async () => {
  const documents = corpus(40, 5);
  const o = options({ cellSize: 20, probes: 2, threshold: 0.96 });
  const found = await verdictsOf(documents, o);
  const byId = new Map(documents.map(d => [d.id, d]));
  for (const [id, { survivor, value }] of found) {
    expect(found.has(survivor!)).toBe(false);
    const [a, b] = [byId.get(id)!, byId.get(survivor!)!];
    expect(value).toBe(cosineOfCodes(codesOf([encode(vectorOf(a.text)), encode(vectorOf(b.text))], width), 0, 1));
    expect(value as number).toBeGreaterThanOrEqual(0.96);
    expect(Buffer.compare(semanticRank(b, undefined), semanticRank(a, undefined))).toBeLessThanOrEqual(0);
  }
});

test("only documents are asked for where the model is: rounds and settling do without", async () => {
  const documents = corpus(40, 5);
  const o = options({ cellSize: 25, probes: 2 });
  const [here, elsewhere] = [embedder, { width: 0, embed: async () => Promise.reject(new Error("no model here")) }].map(e =>
    semanticPlan(o, e),
  );
  const mixed = {
    phases: here!.phases.map((p, i) => ({ ...p, rounds: elsewhere!.phases[i]!.rounds })),
    settle: elsewhere!.settle,
  };
  expect(await runInMemory(mixed, documents)).toEqual(await runInMemory(here!, documents));
});

test("many cells find nearly what one cell finds", async () => {
  const documents = corpus(100, 4);
  const all = await verdictsOf(documents);
  const some = await verdictsOf(documents, options({ cellSize: 30 }));
  expect(some.size).toBeGreaterThan(0.97 * all.size);
});

test("short texts take no part, and those that stay for others are told so", async () => {
  const texts = [
    document("a", "tea one"),
    document("b", "tea one"),
    document("c", "tea a b c d e f g"),
    document("d", "tea a b c d e f g"),
  ];
  const plan = semanticPlan(semanticOptions.parse({ model: "m" }), embedder);
  const applied = await runInMemory(plan, texts);
  expect(applied.map(a => a?.verdicts?.[0]?.rule ?? a?.attributes)).toEqual([
    undefined,
    undefined,
    { alike: 2, semanticDuplicates: "c" },
    "semantic-duplicate",
  ]);
});

test("texts that only begin alike are two; read from their beginning alone they would be one", async () => {
  const bag: Embedder = {
    width,
    embed: async texts =>
      texts.map(t =>
        (t.match(/\S+/g) ?? []).reduce((sum, word) => {
          const v = normal(word);
          return sum.map((x, i) => x + v[i]!);
        }, new Float32Array(width)),
      ),
  };
  const head = "Today's headlines, sent each Saturday to many subscribers. ".repeat(20);
  const body = (seed: string) => Array.from({ length: 400 }, (_, i) => `${seed}${i % 50}`).join(" ");
  const letters = ["july", "august"].map((month, i) => document(`${i}`, `${head}${body(month)}`));
  const beginning: Embedder = { width, embed: texts => bag.embed(texts.map(t => t.slice(0, 1000))) };
  const gone = async (more: object) =>
    (await runInMemory(semanticPlan(options(more), beginning), letters)).flatMap(a => a?.verdicts ?? []).length;
  expect(await gone({ windows: 1 })).toBe(1);
  expect(await gone({})).toBe(0);
});

test("windows begin with a text, end with it, and cut no character", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme", maxLength: 300 }), fc.integer({ min: 2, max: 6 }), (text, most) => {
      const pieces = semanticWindows(text, most, 16);
      expect(pieces.length).toBeLessThanOrEqual(most);
      expect(text.startsWith(pieces[0]!)).toBe(true);
      expect(text.endsWith(pieces.at(-1)!)).toBe(true);
      for (const p of pieces) expect(text.includes(p) && p.length <= 16 && !/^[\udc00-\udfff]|[\ud800-\udbff]$/.test(p)).toBe(true);
    }),
  );
});
