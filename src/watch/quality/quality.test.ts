/** Quality with and without labels: laws of merging, and figures beside those of scipy, scikit-learn and exact sums. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { random } from "../../base/index.ts";
import { addSums, countReading, estimatedQuality, growingSums, noSums } from "./estimated-quality.ts";
import { agreedTruth, type FeedbackLabel, type FeedbackRow, mergeFeedback } from "./feedback-rows.ts";
import { isTrustedSource } from "./part.ts";
import { qualityOf } from "./quality-report.ts";
import { type JudgedText, trueQuality } from "./true-quality.ts";

const label = fc.record<FeedbackLabel>({
  source: fc.constantFrom("a", "b", "reviewers"),
  index: fc.nat(2),
  label: fc.constantFrom("spam", "ham", null),
  score: fc.constantFrom(0, 0.5, 1, null),
  confidence: fc.constantFrom(0.25, 1),
  isTrusted: fc.boolean(),
  atMs: fc.nat(5),
});
const facts = fc.record({
  atMs: fc.nat(3),
  model: fc.constantFrom("m", "n"),
  version: fc.constantFrom(1, 2, null),
  readings: fc.constant([]),
  nll: fc.constantFrom(null, 0.5),
});
const row = fc.record<FeedbackRow>({ facts: fc.option(facts, { nil: null }), labels: fc.array(label, { maxLength: 4 }) });
const nothing: FeedbackRow = { facts: null, labels: [] };

describe("rows of feedback", () => {
  test("merge to the same row in any order and grouping, and twice as once", () =>
    fc.assert(
      fc.property(row, row, row, (a, b, c) => {
        const of = mergeFeedback;
        expect(of(of(a, b), c)).toEqual(of(a, of(b, c)));
        expect(of(a, b)).toEqual(of(b, a));
        expect(of(of(a, b), b)).toEqual(of(a, b));
        expect(of(of(nothing, a), nothing)).toEqual(of(a, a));
      }),
    ));

  test("have one label in force of each source and text, the newest", () =>
    fc.assert(
      fc.property(row, row, (a, b) => {
        const { labels } = mergeFeedback(a, b);
        expect(new Set(labels.map(l => `${l.index} ${l.source}`)).size).toBe(labels.length);
        for (const l of labels) {
          const given = [...a.labels, ...b.labels].filter(g => g.source === l.source && g.index === l.index);
          expect(l.atMs).toBe(Math.max(...given.map(g => g.atMs)));
        }
      }),
    ));

  const said = (source: string, more: Partial<FeedbackLabel>): FeedbackLabel => ({
    source,
    index: 0,
    label: null,
    score: null,
    confidence: 1,
    isTrusted: false,
    atMs: 1,
    ...more,
  });
  test("agree on the class with most confidence behind it, and on the mean score by confidence", () => {
    const labels = [
      said("a", { label: "spam", confidence: 0.4, score: 1 }),
      said("b", { label: "spam", confidence: 0.4 }),
      said("c", { label: "ham", confidence: 0.7, score: 0, atMs: 5 }),
    ];
    expect(agreedTruth(labels, 0)).toEqual({ label: "spam", score: 0.4 / 1.1, isTrusted: false, atMs: 5 });
    expect(agreedTruth(labels, 1)).toBeUndefined();
  });
  test("a trusted source outvotes any number of others", () => {
    const crowd = Array.from({ length: 20 }, (_, i) => said(`u${i}`, { label: "ham", score: 1 }));
    const truth = agreedTruth([...crowd, said("reviewers", { label: "spam", confidence: 0.1, isTrusted: true })], 0);
    expect(truth).toMatchObject({ label: "spam", score: null, isTrusted: true });
  });
  test("a source is trusted from the owners that are named", () => {
    const config = { trusted: ["audit", { source: "reviewers", from: ["user:ann"] }], requestDays: 1, labelDays: 1 };
    const isTrusted = (source: string, owner: string | null) => isTrustedSource(config, source, owner);
    expect([isTrusted("audit", null), isTrusted("audit", "user:bob")]).toEqual([true, true]);
    expect([isTrusted("reviewers", "user:ann"), isTrusted("reviewers", "user:bob"), isTrusted("reviewers", null)]).toEqual([
      true,
      false,
      false,
    ]);
    expect(isTrusted("end-user", "user:ann")).toBe(false);
  });
});

const text = (request: string, predicted: string, p: number, truth: string, more: Partial<JudgedText> = {}): JudgedText => ({
  request,
  predicted,
  probabilities: { [predicted]: p, [predicted === "a" ? "b" : "a"]: 1 - p },
  truth,
  score: null,
  isTrusted: false,
  ...more,
});

describe("true quality", () => {
  // numpy 2.4 for the log loss, scipy 1.17.1 for binomtest(7, 10).proportion_ci(method="wilson")
  const ten = [
    ["a", 0.9, "a"],
    ["a", 0.8, "a"],
    ["a", 0.7, "b"],
    ["b", 0.6, "b"],
    ["b", 0.95, "b"],
    ["b", 0.55, "a"],
    ["a", 0.99, "a"],
    ["b", 0.85, "b"],
    ["a", 0.65, "b"],
    ["b", 0.75, "b"],
  ] as const;
  const texts = ten.map(([predicted, p, truth], i) => text(`r${i}`, predicted, p, truth));

  test("accuracy, precision, recall, F1 and log loss equal an independent count, with intervals around them", () => {
    const q = trueQuality(texts);
    expect(q).toMatchObject({ requests: 10, texts: 10, classified: 10, trusted: 0, unknownClasses: 0, score: null });
    expect(q.accuracy!.value).toBeCloseTo(0.7, 12);
    expect(q.accuracy!.low).toBeCloseTo(0.39677814746114526, 9);
    expect(q.accuracy!.high).toBeCloseTo(0.892208732593699, 9);
    const [a, b] = q.classes;
    expect([a!.precision!.value, a!.recall!.value, a!.f1]).toEqual([3 / 5, 3 / 4, 6 / 9]);
    expect([b!.precision!.value, b!.recall!.value, b!.f1]).toEqual([4 / 5, 4 / 6, 8 / 11]);
    expect(q.macroF1!.value).toBeCloseTo((6 / 9 + 8 / 11) / 2, 12);
    expect(q.logLoss!.value).toBeCloseTo(0.44031769479710203, 12);
    for (const i of [q.macroF1!, q.logLoss!]) expect(i.low < i.value && i.value < i.high).toBe(true);
  });

  test("the 95 % interval of log loss covers the true one in about 95 % of samples", () => {
    const r = random("coverage");
    const truth = -(0.8 * Math.log(0.8) + 0.2 * Math.log(0.2));
    let covered = 0;
    for (let run = 0; run < 200; run++) {
      const sample = Array.from({ length: 150 }, (_, i) => text(`${i}`, "a", 0.8, r.uniform() < 0.8 ? "a" : "b"));
      const { low, high } = trueQuality(sample).logLoss!;
      if (low <= truth && truth <= high) covered++;
    }
    // 99.9 % of binomial(200, 0.95)
    expect(covered).toBeGreaterThanOrEqual(178);
  });

  test("texts of one request count together: repeating each request's text does not narrow the interval", () => {
    const many = texts.flatMap(t => [t, t, t, t]);
    const [one, four] = [trueQuality(texts), trueQuality(many)];
    const width = ({ low, high }: { low: number; high: number }) => high - low;
    expect(width(four.logLoss!)).toBeGreaterThan(0.8 * width(one.logLoss!));
    expect(width(four.accuracy!)).toBeGreaterThan(0.6 * width(one.accuracy!));
  });

  test("thumbs have Wilson's interval; a class that the model does not know costs its least probability and is counted", () => {
    const q = trueQuality([
      text("r1", "a", 0.9, "c"),
      { ...text("r2", "a", 0.9, "a"), score: 1 },
      { ...text("r3", "a", 0.9, "a"), truth: null, score: 0 },
    ]);
    expect(q).toMatchObject({ texts: 3, classified: 2, unknownClasses: 1 });
    expect(q.logLoss!.value).toBeCloseTo((-Math.log(1e-6) - Math.log(0.9)) / 2, 9);
    expect(q.score).toMatchObject({ value: 0.5 });
    expect(q.score!.low).toBeGreaterThan(0);
  });

  test("of nothing there are no figures, and no failure", () => {
    expect(trueQuality([])).toEqual({
      requests: 0,
      texts: 0,
      trusted: 0,
      classified: 0,
      accuracy: null,
      macroF1: null,
      logLoss: null,
      calibrationError: null,
      unknownClasses: 0,
      classes: [],
      score: null,
    });
    expect(estimatedQuality(noSums)).toEqual({
      texts: 0,
      accuracy: null,
      macroF1: null,
      logLoss: null,
      classes: [],
      answers: 0,
      nll: null,
    });
  });
});

describe("estimated quality", () => {
  const labels = ["a", "b", "c"];
  const drawn = (n: number, seed: string) => {
    const r = random(seed);
    return Array.from({ length: n }, () => {
      const raw = labels.map(() => r.uniform() ** 3 + 1e-3);
      const sum = raw.reduce((x, y) => x + y, 0);
      const p = raw.map(x => x / sum);
      const told = labels[p.indexOf(Math.max(...p))]!;
      const u = r.uniform();
      const truth = u < p[0]! ? "a" : u < p[0]! + p[1]! ? "b" : "c";
      return { p, told, truth };
    });
  };
  const summed = (items: ReturnType<typeof drawn>) => {
    const sums = growingSums();
    for (const { told, p } of items) countReading(sums, told, labels, p);
    return sums;
  };

  test("equals CBPE's expected confusion matrix, which is summed here item by item", () => {
    const items = drawn(500, "cbpe");
    const { accuracy, classes, macroF1, logLoss } = estimatedQuality(summed(items));
    const expected = (told: string, of: number) => items.reduce((s, i) => s + (i.told === told ? i.p[of]! : 0), 0);
    const f1s = labels.map((name, c) => {
      const [tp, predicted, support] = [
        expected(name, c),
        items.filter(i => i.told === name).length,
        items.reduce((s, i) => s + i.p[c]!, 0),
      ];
      const found = classes.find(k => k.label === name)!;
      expect(found.precision).toBeCloseTo(tp / predicted, 9);
      expect(found.recall).toBeCloseTo(tp / support, 9);
      return (2 * tp) / (predicted + support);
    });
    expect(macroF1).toBeCloseTo((f1s[0]! + f1s[1]! + f1s[2]!) / 3, 9);
    expect(accuracy!.value).toBeCloseTo(items.reduce((s, i) => s + Math.max(...i.p), 0) / 500, 9);
    expect(logLoss!.value).toBeCloseTo(items.reduce((s, i) => s - i.p.reduce((e, p) => e + p * Math.log(p), 0), 0) / 500, 9);
  });

  test("its interval holds the accuracy that comes out, in about 95 % of samples of calibrated probabilities", () => {
    let covered = 0;
    for (let run = 0; run < 400; run++) {
      const items = drawn(200, `run ${run}`);
      const { low, high } = estimatedQuality(summed(items)).accuracy!;
      const right = items.filter(i => i.told === i.truth).length / items.length;
      if (low <= right && right <= high) covered++;
    }
    // 99.9 % of binomial(400, 0.95)
    expect(covered).toBeGreaterThanOrEqual(365);
    expect(covered).toBeLessThanOrEqual(394);
  });

  test("is of the sum of parts what it is of the whole", () => {
    const items = drawn(90, "parts");
    const whole = estimatedQuality(summed(items));
    const parts = [items.slice(0, 20), items.slice(20, 70), items.slice(70)].map(summed).reduce(addSums, noSums);
    expect(estimatedQuality(parts).accuracy!.value).toBeCloseTo(whole.accuracy!.value, 12);
    expect(estimatedQuality(parts).macroF1).toBeCloseTo(whole.macroF1!, 12);
  });

  test("leaves out what is no distribution", () => {
    const sums = growingSums();
    countReading(sums, "a", ["a", "b"], [Number.NaN, 1]);
    countReading(sums, "z", ["a", "b"], [0.5, 0.5]);
    expect(sums.texts).toBe(0);
  });
});

test("where only doubtful requests are labelled, the selection says so", () => {
  const r = random("selection");
  const sums = growingSums();
  const rows = new Map<string, FeedbackRow>();
  for (let i = 0; i < 400; i++) {
    const p = 0.5 + r.uniform() / 2;
    const probabilities = { a: p, b: 1 - p };
    sums.responses++;
    countReading(sums, "a", ["a", "b"], [p, 1 - p]);
    if (p > 0.6) continue;
    const own = { source: "s", index: 0, label: "a", score: null, confidence: 1, isTrusted: true, atMs: 1 };
    rows.set(`r${i}`, { facts: { atMs: 1, model: "m", version: 3, readings: [{ label: "a", probabilities }], nll: null }, labels: [own] });
  }
  const [version] = qualityOf(rows, [{ version: 3, day: "1970-01-01", sums }]);
  expect(version).toMatchObject({ version: 3, responses: 400, true: { requests: rows.size, trusted: rows.size } });
  expect(version!.selection.share).toBeCloseTo(rows.size / 400, 12);
  expect(version!.selection.confidenceLabelled!).toBeLessThan(0.6);
  expect(version!.selection.confidenceAll!).toBeGreaterThan(0.7);
  expect(version!.selection.p!).toBeLessThan(1e-6);
  expect(version!.days.map(d => d.day)).toEqual(["1970-01-01"]);
});
