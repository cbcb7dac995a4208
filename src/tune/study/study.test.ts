import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Json, random } from "../../base/index.ts";
import type { StoredTrial } from "../../store/index.ts";
import { Study, tpeSampler } from "../index.ts";
import { groupOf, halfOf, halvesOf } from "./halves.ts";
import { type Definition, isBehind, nextPoint, objectivesOf, paretoFront, ranked, spaceOf } from "./history.ts";
import { pathOf, valueIn, withValue } from "./paths.ts";
import { comparisonSentence, verdictOf } from "./verdict.ts";

describe("values at paths", () => {
  const key = fc.constantFrom("a", "b", "train", "rate");
  const tree = fc.letrec<{ t: Json }>(tie => ({
    t: fc.oneof(
      { depthSize: "small" },
      fc.integer(),
      fc.dictionary(key, tie("t"), { maxKeys: 3, noNullPrototype: true }) as fc.Arbitrary<Json>,
    ),
  })).t;

  test("what was put in is read back, and every other path stays as it was", () => {
    fc.assert(
      fc.property(tree, fc.array(key, { minLength: 1, maxLength: 4 }), fc.array(key, { minLength: 1, maxLength: 4 }), (t, path, other) => {
        let next: Json;
        try {
          next = withValue(t, path, "new", "here");
        } catch (error) {
          // only where the way goes through a plain value
          expect(path.some((_, i) => typeof valueIn(t, path.slice(0, i)) === "number")).toBe(true);
          expect((error as Error).message).toContain("here");
          return;
        }
        expect(valueIn(next, path)).toBe("new");
        const isApart =
          !other.every((k, i) => i >= path.length || k === path[i]) && !path.every((k, i) => i >= other.length || k === other[i]);
        if (isApart) expect(valueIn(next, other)).toEqual(valueIn(t, other));
      }),
      { numRuns: 100 },
    );
  });

  test("an item of a list is named by its place or by its name; a plain name takes options", () => {
    const steps = { steps: ["clean", { length: { minWords: 5 } }] };
    expect(valueIn(steps, ["steps", "length", "minWords"])).toBe(5);
    expect(valueIn(steps, ["steps", "1", "length", "minWords"])).toBe(5);
    expect(withValue(steps, ["steps", "length", "minWords"], 9, "")).toEqual({ steps: ["clean", { length: { minWords: 9 } }] });
    expect(withValue(steps, ["steps", "clean", "quotes"], true, "")).toEqual({
      steps: [{ clean: { quotes: true } }, { length: { minWords: 5 } }],
    });
    expect(withValue({ method: "lora" }, ["method", "lora", "rank"], 4, "")).toEqual({ method: { lora: { rank: 4 } } });
    expect(() => withValue({ method: "full" }, ["method", "lora", "rank"], 4, "here")).toThrow(/here: .*got "full"/);
    expect(() => withValue(steps, ["steps", "lenght", "minWords"], 9, "searches.x")).toThrow(
      /searches\.x: expected an item of the list: clean, length, got "lenght"/,
    );
    expect(pathOf("train.rate", "m")).toEqual(["models", "m", "train", "rate"]);
    expect(pathOf("data.mail.mixture", "m")).toEqual(["data", "mail", "mixture"]);
  });
});

describe("halves", () => {
  const documents = (n: number, groups: number) =>
    Array.from({ length: n }, (_, i) => ({ id: `d${i}`, attributes: i % 3 === 0 ? { cluster: `c${i % groups}` } : {} }));

  test("groups are whole, both halves have some, neither has many more, and the order of documents means nothing", () => {
    fc.assert(
      fc.property(fc.integer({ min: 4, max: 200 }), fc.integer({ min: 2, max: 9 }), (n, groups) => {
        const all = documents(n, groups);
        const [a, b] = [halfOf(all, "validation", ""), halfOf(all, "test", "")];
        expect(a.length + b.length).toBe(n);
        expect(a.length).toBeGreaterThan(0);
        expect(b.length).toBeGreaterThan(0);
        const inA = new Set(a.map(groupOf));
        expect(b.some(d => inA.has(groupOf(d)))).toBe(false);
        const largest = Math.max(...[...new Set(all.map(groupOf))].map(g => all.filter(d => groupOf(d) === g).length));
        expect(Math.abs(a.length - b.length)).toBeLessThanOrEqual(2 * largest);
        expect(halvesOf(all.toReversed(), "")).toEqual(halvesOf(all, ""));
      }),
      { numRuns: 50 },
    );
  });

  test("fewer than two groups cannot be halved", () => {
    const alike = [1, 2, 3].map(i => ({ id: `d${i}`, attributes: { cluster: "d1" } }));
    expect(() => halvesOf(alike, "documents-1/held-out")).toThrow(
      /documents-1\/held-out: expected two held-out groups.*got 1 \(3 documents\)/,
    );
  });
});

describe("the verdict", () => {
  const judged = (model: string, seed: string, n: number, better: number, copies = 1) => {
    const [texts, own] = [random("texts"), random(seed)];
    const rows = Array.from({ length: n }, (_, i) => {
      const bytes = 100 + texts.below(400);
      const difficulty = 1.5 + texts.uniform();
      return { id: `d${i}`, group: `d${i}`, bytes, bits: bytes * (difficulty - better + 0.1 * (own.uniform() - 0.5)) };
    });
    const all = Array.from({ length: copies }, (_, c) => rows.map(r => ({ ...r, id: `${r.id}/${c}` }))).flat();
    return {
      half: "test" as const,
      model,
      ids: all.map(r => r.id),
      groups: all.map(r => r.group),
      bytes: all.map(r => r.bytes),
      bits: all.map(r => r.bits),
    };
  };

  test("a true difference far above what can be seen is found, and its interval holds it; none is found where there is none", () => {
    const winner = judged("a", "a", 60, 0.1);
    const report = verdictOf(winner, [
      { against: "runnerUp", judgement: judged("b", "b", 60, 0.1) },
      { against: "default", judgement: judged("c", "c", 60, 0) },
    ]);
    const [same, worse] = report.comparisons as [(typeof report.comparisons)[0], (typeof report.comparisons)[0]];
    expect(worse.isSignificant).toBe(true);
    expect(worse.low).toBeLessThan(0.1);
    expect(worse.high).toBeGreaterThan(0.1);
    expect(worse.detectable).toBeLessThan(0.1);
    expect(same.isSignificant).toBe(false);
    expect(comparisonSentence(worse, "bits per byte")).toMatch(/^better than the default/);
    expect(comparisonSentence(same, "bits per byte")).toMatch(/^no significant difference to the runner-up .*four times in five$/);
  });

  test("copies of documents, grouped, make nothing surer", () => {
    const once = verdictOf(judged("a", "a", 40, 0), [{ against: "default", judgement: judged("b", "b", 40, 0) }]).comparisons[0]!;
    const often = verdictOf(judged("a", "a", 40, 0, 5), [{ against: "default", judgement: judged("b", "b", 40, 0, 5) }]).comparisons[0]!;
    expect(often.difference).toBeCloseTo(once.difference, 10);
    expect(Math.abs(often.detectable / once.detectable - 1)).toBeLessThan(0.1);
    expect(Math.abs(often.p - once.p)).toBeLessThan(0.05);
  });

  test("the smallest difference that can be seen is found about four times in five", () => {
    const { detectable } = verdictOf(judged("a", "a", 30, 0), [{ against: "default", judgement: judged("b", "b", 30, 0) }]).comparisons[0]!;
    const found = Array.from({ length: 60 }, (_, i) => {
      const [a, b] = [judged("a", `a${i}`, 30, detectable), judged("b", `b${i}`, 30, 0)];
      return verdictOf(a, [{ against: "default", judgement: b }], { seed: i }).comparisons[0]!.isSignificant;
    }).filter(Boolean).length;
    // 48 expected; four deviations of a binomial, and the estimate's own
    expect(found).toBeGreaterThan(34);
    expect(found).toBeLessThan(60);
  });

  test("judgements of other documents are refused", () => {
    expect(() => verdictOf(judged("a", "a", 10, 0), [{ against: "default", judgement: judged("b", "b", 9, 0) }])).toThrow(/b: expected/);
  });
});

describe("the history of a stored study", () => {
  const definition: Definition = {
    space: { rate: { from: 0.001, to: 0.1, log: true }, kind: ["a", "b"] },
    objectives: ["heldOut"],
    sampler: "tpe",
    pruner: "median",
    reports: 8,
    seed: 3,
  };
  const stored = (number: number, more: Partial<StoredTrial>): StoredTrial => ({
    number,
    origin: "sampler",
    point: null,
    state: "waiting",
    reports: [],
    outcome: null,
    reason: null,
    owner: null,
    startedMs: null,
    endedMs: null,
    ...more,
  });
  const done = (point: Json, value: number): Partial<StoredTrial> => ({
    point,
    state: "done",
    outcome: { values: [value], measures: {}, artifacts: {} },
  });

  test("goes on with the very points that the study in memory chooses; a default outside of the space is not counted", () => {
    const study = new Study({ space: spaceOf(definition), objectives: objectivesOf(definition), sampler: tpeSampler(), seed: 3 });
    const trials = [stored(0, { ...done({ rate: 0.5, kind: "a" }, 1), origin: "default" })];
    for (let i = 0; i < 14; i++) {
      const trial = study.ask()!;
      expect(nextPoint(definition, trials)).toEqual(trial.point);
      const value = Math.log10(trial.point.rate as number) ** 2;
      study.tell(trial.number, [value]);
      trials.push(stored(i + 1, done(trial.point, value)));
    }
  });

  test("no point is tried twice, whoever chooses, until every combination was", () => {
    const small = { ...definition, space: { kind: ["a", "b"], size: { from: 1, to: 3, integer: true } } };
    for (const sampler of ["tpe", "gp", "random", "halton", "grid"] as const) {
      const trials: StoredTrial[] = [];
      for (let i = 0; i < 6; i++) trials.push(stored(i, done(nextPoint({ ...small, sampler }, trials) as Json, i)));
      expect(new Set(trials.map(t => JSON.stringify([(t.point as { kind: string }).kind, (t.point as { size: number }).size]))).size).toBe(
        6,
      );
      expect(nextPoint({ ...small, sampler }, trials)).toBeUndefined();
    }
  });

  test("a trial behind the median is ended, but not the default, nor one at its last report", () => {
    const good = Array.from({ length: 6 }, (_, i) => ({
      ...stored(i, done({ rate: 0.01, kind: "a" }, 1)),
      reports: [2, 4, 8].map(step => ({ step, value: 1 + i / 10 })),
    }));
    const late = (step: number, origin: StoredTrial["origin"]) => [
      ...good,
      stored(6, { origin, state: "running", point: { rate: 0.02, kind: "b" }, reports: [{ step, value: 9 }] }),
    ];
    expect(isBehind(definition, late(4, "sampler"), 6)).toBe(true);
    expect(isBehind(definition, late(4, "default"), 6)).toBe(false);
    expect(isBehind(definition, late(8, "sampler"), 6)).toBe(false);
  });

  test("with several objectives the front is what nothing is better than in all, and it stands first", () => {
    const two: Definition = { ...definition, objectives: ["heldOut", "seconds"] };
    const of = (number: number, values: number[]) =>
      stored(number, { state: "done", point: { rate: 0.01, kind: "a" }, outcome: { values, measures: {}, artifacts: {} } });
    const trials = [of(0, [1, 9]), of(1, [2, 2]), of(2, [2, 3]), of(3, [5, 1])];
    expect(paretoFront(two, trials).map(t => t.number)).toEqual([0, 1, 3]);
    expect(ranked(two, trials).map(t => t.number)).toEqual([0, 1, 3, 2]);
  });
});
