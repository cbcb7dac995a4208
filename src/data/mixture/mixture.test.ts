import fc from "fast-check";
import { expect, test } from "vitest";
import { random } from "../../base/index.ts";
import { type MixtureOptions, mixtureOptions } from "./options.ts";
import { planMixture } from "./plan.ts";
import { tellMixture, worthOf } from "./report.ts";
import { mixtureTable } from "./table.ts";

interface Doc {
  readonly id: string;
  readonly bytes: number;
  readonly language: string;
  readonly label: string;
}

const planOf = (documents: readonly Doc[], o: MixtureOptions) => {
  const table = mixtureTable(o);
  for (const { id, bytes, language, label } of documents)
    table.add({ id, source: "x.jsonl:1", attributes: { language, label } }, { bytes, tokens: bytes });
  const finished = table.finish();
  return { ...planMixture(finished, o), table: finished };
};

const languages = ["de", "en", "fr"];
const corpus = fc.tuple(fc.integer({ min: 1, max: 120 }), fc.integer()).map(([n, seed]) => {
  const draw = random(seed);
  return Array.from(
    { length: n },
    (_, i): Doc => ({
      id: `a:${i}`,
      bytes: 1 + draw.below(1000),
      language: languages[Math.floor(draw.uniform() ** 2 * 3)]!,
      label: draw.uniform() < 0.2 ? "spam" : "ham",
    }),
  );
});
const weights = fc.oneof(
  fc.constant("natural" as const),
  fc.constant("uniform" as const),
  fc.record({ temperature: fc.double({ min: 0.5, max: 50, noNaN: true }) }),
  fc.record({ de: fc.integer({ min: 0, max: 5 }), en: fc.integer({ min: 1, max: 5 }), fr: fc.integer({ min: 0, max: 5 }) }),
);
const options = fc
  .record({
    weights,
    unit: fc.constantFrom("bytes" as const, "tokens" as const, "documents" as const),
    maxEpochs: fc.constantFrom(1, 1.5, 4, 10),
    total: fc.option(fc.integer({ min: 1, max: 200_000 }), { nil: undefined }),
    seed: fc.integer(),
  })
  .map(o => ({ by: "language", ...o }));
/** Weights name values that the drawn documents may lack. */
const fitting = (documents: readonly Doc[], o: { readonly weights: unknown }) => {
  const w = o.weights as Record<string, number>;
  if (typeof w !== "object" || "temperature" in w) return o;
  const there = new Set(documents.map(d => d.language));
  const kept = Object.fromEntries(Object.entries(w).filter(([v]) => there.has(v)));
  return { ...o, weights: Object.values(kept).some(x => x > 0) ? kept : "natural" };
};

test("every value gets its amount within one document's size, and no cap on epochs is passed", () => {
  fc.assert(
    fc.property(corpus, options, (documents, raw) => {
      const o = mixtureOptions.parse(fitting(documents, raw));
      const { times, report } = planOf(documents, o);
      const size = (d: Doc) => (o.unit === "documents" ? 1 : d.bytes);
      for (const v of report.attributes[0]!.values) {
        const mine = documents.flatMap((d, i) => (d.language === v.value ? [{ size: size(d), times: times[i]! }] : []));
        const largest = Math.max(...mine.map(d => d.size));
        const taken = mine.reduce((s, d) => s + d.size * d.times, 0);
        expect(v.after.size).toBe(taken);
        expect(Math.abs(taken - (v.target * report.total + v.moved))).toBeLessThanOrEqual(largest + 1e-3);
        expect(taken).toBeLessThanOrEqual(v.before.size * (o.maxEpochs as number) + 1e-3);
        expect(Math.max(...mine.map(d => d.times))).toBeLessThanOrEqual(Math.ceil(o.maxEpochs as number));
        // Repeats are even: nobody is taken twice more than another.
        expect(Math.max(...mine.map(d => d.times)) - Math.min(...mine.map(d => d.times))).toBeLessThanOrEqual(1);
      }
    }),
    { numRuns: 200 },
  );
});

test("values below their cap share in proportion to their weights, and together all of the total that caps allow is taken", () => {
  fc.assert(
    fc.property(corpus, options, (documents, raw) => {
      const o = mixtureOptions.parse(fitting(documents, raw));
      const { report } = planOf(documents, o);
      const values = report.attributes[0]!.values.filter(v => v.target > 0);
      const amount = (v: (typeof values)[number]) => v.target * report.total + v.moved;
      const cap = (v: (typeof values)[number]) => v.before.size * (o.maxEpochs as number);
      const free = values.filter(v => amount(v) < cap(v) * (1 - 1e-9));
      for (const v of free) expect(amount(v) / v.target).toBeCloseTo(amount(free[0]!) / free[0]!.target, 3);
      const sum = values.reduce((s, v) => s + amount(v), 0);
      expect(sum).toBeCloseTo(
        Math.min(
          report.total,
          values.reduce((s, v) => s + cap(v), 0),
        ),
        3,
      );
      expect(report.unreachable).toBeCloseTo(Math.max(0, report.total - sum), 3);
    }),
    { numRuns: 200 },
  );
});

test("the plan is the same in any order of documents", () => {
  fc.assert(
    fc.property(corpus, options, fc.integer(), (documents, raw, seed) => {
      const o = mixtureOptions.parse({
        ...fitting(documents, raw),
        quotas: [{ where: { label: "ham" }, max: 0.9 }].filter(
          () => documents.some(d => d.label === "ham") && documents.some(d => d.label === "spam"),
        ),
      });
      const attempt = (list: readonly Doc[]) => {
        try {
          const { times, report } = planOf(list, o);
          return { report, times: Object.fromEntries(list.map((d, i) => [d.id, times[i]])) };
        } catch (error) {
          return (error as Error).message;
        }
      };
      expect(attempt(Array.from(random(seed).permutation(documents.length), i => documents[i]!))).toEqual(attempt(documents));
    }),
    { numRuns: 100 },
  );
});

const many = (counts: Readonly<Record<string, number>>, label: (i: number) => string = i => (i % 5 === 0 ? "spam" : "ham")): Doc[] =>
  Object.entries(counts).flatMap(([language, n]) =>
    Array.from({ length: n }, (_, i) => ({ id: `${language}:${i}`, bytes: 100, language, label: label(i) })),
  );

test("a natural mixture takes every document once", () => {
  const { times, report } = planOf(many({ de: 30, en: 70 }), mixtureOptions.parse({ by: "language" }));
  expect([...new Set(times)]).toEqual([1]);
  expect(report).toMatchObject({ effectiveDocuments: 100, worth: 10_000, unreachable: 0, after: { left: 0 } });
});

test("a larger total keeps what a smaller one took, and another seed takes others", () => {
  const documents = many({ en: 200 });
  const taken = (total: number, seed: number) => planOf(documents, mixtureOptions.parse({ by: "language", total, seed })).times;
  const [small, large, other] = [taken(5_000, 1), taken(12_000, 1), taken(5_000, 2)];
  expect(small.reduce((a, b) => a + b, 0)).toBe(50);
  small.forEach((t, i) => {
    expect(large[i]!).toBeGreaterThanOrEqual(t);
  });
  expect(other).not.toEqual(small);
});

test("temperature: 1 is natural, 2 takes square roots, a great one is uniform", () => {
  const shares = (temperature: number) =>
    planOf(many({ de: 100, en: 900 }), mixtureOptions.parse({ by: "language", weights: { temperature } })).report.attributes[0]!.values.map(
      v => v.target,
    );
  expect(shares(1)[0]).toBeCloseTo(0.1, 12);
  expect(shares(2)[0]).toBeCloseTo(0.25, 12);
  expect(shares(1000)[0]).toBeCloseTo(0.5, 2);
});

test("what a cap refuses goes to the others, and the report says how much", () => {
  const { report } = planOf(many({ de: 10, en: 90 }), mixtureOptions.parse({ by: "language", weights: "uniform", maxEpochs: 2 }));
  const [de, en] = report.attributes[0]!.values;
  expect(de).toMatchObject({ epochs: 2, isCapped: true, moved: -3000, after: { size: 2000, distinct: 10, documents: 20 } });
  expect(en).toMatchObject({ isCapped: false, moved: 3000, after: { size: 8000 } });
  expect(tellMixture(report)).toMatch(/de +10\.0 % +50\.0 % +20\.0 % +2\.00 +10 of 10 +capped, 3\.00 kB went to others/);
});

test("two attributes are met at once where the documents allow it", () => {
  const documents = many({ de: 300, en: 700 });
  const o = mixtureOptions.parse({
    by: "language",
    weights: { de: 1, en: 1 },
    and: [{ by: "label", weights: { spam: 2, ham: 3 } }],
    maxEpochs: 10,
  });
  const { report } = planOf(documents, o);
  const share = (a: number, v: number) => report.attributes[a]!.values[v]!.after.share;
  expect(report.attributes.map(a => a.attribute)).toEqual(["language", "label"]);
  expect(share(0, 0)).toBeCloseTo(0.5, 2);
  expect(share(1, 1)).toBeCloseTo(0.4, 2);
  expect(report.attributes.every(a => a.divergence < 1e-3 && a.missed === 0)).toBe(true);
});

test("weights of two attributes that no documents can meet are met as nearly as they can be, and told", () => {
  // Every German document is spam and every other is ham: half German and a tenth spam cannot both be.
  const documents = many({ de: 50, en: 50 }).map(d => ({ ...d, label: d.language === "de" ? "spam" : "ham" }));
  const { report } = planOf(
    documents,
    mixtureOptions.parse({ by: "language", weights: "uniform", and: [{ by: "label", weights: { spam: 1, ham: 9 } }] }),
  );
  expect(Math.max(...report.attributes.map(a => a.missed))).toBeGreaterThan(0.3);
});

test("quotas hold as shares and as amounts; one that documents cannot reach is lowered and told", () => {
  const documents = many({ de: 20, en: 80 });
  const quota = (q: object) => planOf(documents, mixtureOptions.parse({ by: "language", quotas: [q], maxEpochs: 3 })).report;
  const de = (r: ReturnType<typeof quota>) => r.attributes[0]!.values[0]!.after;
  expect(de(quota({ where: { language: "de" }, min: 0.4 })).share).toBeCloseTo(0.4, 2);
  expect(de(quota({ where: { language: "de" }, max: 500 })).size).toBe(500);
  const short = quota({ where: { language: "de" }, min: 0.9 });
  expect(de(short).size).toBe(6000);
  expect(short.shortQuotas).toEqual([{ quota: 0, unreachable: 3000 }]);
  const both = quota({ where: { language: ["de", "en"], label: "spam" }, max: 0.05 });
  expect(both.attributes.find(a => a.attribute === "label")!.values[1]!.after.share).toBeCloseTo(0.05, 2);
});

test("several quotas hold together, and values that none of them names keep their proportion", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1e6 }), seed => {
      const draw = random(seed);
      const documents = many({ de: 100 + draw.below(300), en: 400, fr: 100 + draw.below(300) }, i =>
        i % (2 + (seed % 5)) === 0 ? "spam" : "ham",
      );
      const o = mixtureOptions.parse({
        by: "language",
        quotas: [
          { where: { label: "spam" }, max: 0.15 },
          { where: { language: "fr" }, min: 0.35 },
        ],
      });
      const { report } = planOf(documents, o);
      const value = (attribute: string, v: string) =>
        report.attributes.find(a => a.attribute === attribute)!.values.find(x => x.value === v)!;
      expect(value("label", "spam").after.share).toBeLessThanOrEqual(0.152);
      expect(value("language", "fr").after.share).toBeGreaterThanOrEqual(0.348);
      // Languages outside the quota keep their proportion to one another within what labels shift.
      const ratio = (f: (v: ReturnType<typeof value>) => number) => f(value("language", "de")) / f(value("language", "en"));
      expect(ratio(v => v.after.share)).toBeCloseTo(
        ratio(v => v.target),
        1,
      );
    }),
    { numRuns: 20 },
  );
});

test("balance: over repeats small classes up to the cap, under leaves out of large ones, weights only weighs", () => {
  const documents = many({ en: 100 }, i => (i < 20 ? "spam" : "ham"));
  const by = (how: string, more: object = {}) =>
    planOf(documents, mixtureOptions.parse({ balance: { label: how }, unit: "documents", ...more }));
  const counts = (r: ReturnType<typeof by>) => r.report.attributes[0]!.values.map(v => v.after.documents);
  expect(counts(by("over"))).toEqual([80, 80]);
  expect(counts(by("over", { maxEpochs: 2 }))).toEqual([120, 40]);
  expect(counts(by("under"))).toEqual([20, 20]);
  const weighed = by("weights");
  expect(counts(weighed)).toEqual([80, 20]);
  expect(weighed.report.classWeights).toEqual({ ham: 0.625, spam: 2.5 });
});

test("a weight for nobody, a value without a weight, and quotas that contradict one another are told with what would be right", () => {
  const documents = many({ de: 10, en: 10 });
  const plan = (o: object) => () => planOf(documents, mixtureOptions.parse({ by: "language", ...o }));
  expect(plan({ weights: { de: 1, eng: 1 } })).toThrow(
    'expected values of language that documents have (de, en), got "eng". Did you mean "en"?',
  );
  expect(plan({ weights: { de: 1 } })).toThrow('none for "en"');
  expect(plan({ weights: { de: 0, "*": 0 } })).toThrow("expected a weight above 0");
  expect(plan({ quotas: [{ where: { language: "de" }, min: 0.8, max: 0.2 }] })).toThrow("a min that is at most the max");
  expect(
    plan({
      quotas: [
        { where: { language: "de" }, max: 0.1 },
        { where: { language: "en" }, max: 0.1 },
      ],
    }),
  ).toThrow(/quotas that hold together/);
  expect(plan({ weights: { de: 1, "*": 1 } })).not.toThrow();
});

test("length and source need no attribute, and a document without a value has a name of its own", () => {
  const o = mixtureOptions.parse({ by: "length", and: [{ by: "source" }, { by: "nothing" }], lengthEdges: [100, 1000] });
  const table = mixtureTable(o);
  for (const [i, bytes] of [50, 150, 999, 1000].entries())
    table.add({ id: `m:${i}`, source: `mails/${i % 2}/x.eml`, attributes: {} }, { bytes });
  const { report } = planMixture(table.finish(), o);
  const values = report.attributes.map(a => a.values.map(v => v.value));
  expect(values).toEqual([["100 to 999", "from 1000", "under 100"], ["mails/0", "mails/1"], ["(none)"]]);
});

test("text that is repeated is worth less than new text, and never more than 16.4 times itself", () => {
  expect(worthOf(100, 100)).toBe(100);
  // Four epochs are nearly as good as new text: the paper's finding.
  expect(worthOf(100, 400)).toBeGreaterThan(360);
  expect(worthOf(100, 4000)).toBeLessThan(1550);
  expect(worthOf(100, 1e9)).toBeCloseTo(1638.8, 0);
});
