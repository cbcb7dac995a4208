import { readFileSync } from "node:fs";
import fc from "fast-check";
import { expect, test } from "vitest";
import { type BeamOptions, BeamSearch, beamOptions, beamScores, type Hypothesis } from "./beam-search.ts";
import { samplingOptions } from "./options.ts";

const vocab = 9;
/** A model that is a table: as `logit` in bench/peers/golden/beams.py. */
function tableLogit(salt: number, length: number, before: number, last: number, token: number): number {
  let x = Math.imul(salt, 0x9e3779b9) + Math.imul(length, 0x85ebca6b) + Math.imul(before, 0xc2b2ae35);
  x = (x + Math.imul(last, 0x27d4eb2f) + Math.imul(token, 0x165667b1)) >>> 0;
  for (const [shift, factor] of [
    [16, 0x85ebca6b],
    [13, 0xc2b2ae35],
    [16, 1],
  ] as const)
    x = Math.imul(x ^ (x >>> shift), factor) >>> 0;
  return (x >>> 8) / 2 ** 21 - 4;
}
const logitsOf = (salt: number, text: readonly number[], size = vocab): Float64Array =>
  Float64Array.from({ length: size }, (_, t) => tableLogit(salt, text.length, text.at(-2)!, text.at(-1)!, t));
const none = samplingOptions();
const scoresOf = (salt: number, prompt: readonly number[], answer: readonly number[], size = vocab) =>
  beamScores(logitsOf(salt, [...prompt, ...answer], size), { prompt, answer }, none);

interface Case {
  readonly salt: number;
  readonly prompt: readonly number[];
  readonly stopTokens: readonly number[];
  readonly maxTokens: number;
}
function search(c: Case, options: Partial<BeamOptions>, size = vocab): BeamSearch {
  const beams = new BeamSearch(beamOptions(options), { maxTokens: c.maxTokens, stopTokens: new Set(c.stopTokens) });
  for (let step = 0; !beams.isOver; step++) {
    expect(step).toBeLessThan(c.maxTokens);
    const before = beams.beams;
    const next = beams.advance(before.map(answer => scoresOf(c.salt, c.prompt, answer, size)));
    // where beams come from is what their texts say
    expect(beams.beams).toEqual(next.map(({ parent, token }) => [...before[parent]!, token]));
  }
  return beams;
}

interface Golden {
  readonly cases: readonly (Case & {
    readonly width: number;
    readonly lengthPenalty: number;
    readonly earlyStopping: boolean | "never";
    readonly answers: readonly { readonly tokens: readonly number[]; readonly score?: number }[];
  })[];
}
const golden = JSON.parse(readFileSync(new URL("../golden/beams.golden.json", import.meta.url), "utf8")) as Golden;

test("beams find what Hugging Face's generation finds, for every width, length penalty, way to stop and number of stop tokens", () => {
  expect(golden.cases.length).toBe(96);
  for (const { answers, width, lengthPenalty, earlyStopping, ...c } of golden.cases) {
    const found = search(c, { width, lengthPenalty, earlyStopping }).best(width);
    expect({ salt: c.salt, tokens: found.map(h => h.tokens) }).toEqual({ salt: c.salt, tokens: answers.map(a => a.tokens) });
    for (const [i, { score }] of answers.entries()) if (score !== undefined) expect(found[i]!.score).toBeCloseTo(score, 4);
  }
});

/** Judge: every answer there is, with its score. */
function everything(c: Case, lengthPenalty: number, size: number): Hypothesis[] {
  const all: Hypothesis[] = [];
  const go = (tokens: readonly number[], sum: number) => {
    const scores = scoresOf(c.salt, c.prompt, tokens, size);
    for (const [token, s] of scores.entries()) {
      const longer = [...tokens, token];
      if (c.stopTokens.includes(token) || longer.length === c.maxTokens)
        all.push({ tokens: longer, score: (sum + s) / longer.length ** lengthPenalty });
      else go(longer, sum + s);
    }
  };
  go([], 0);
  return all.sort((a, b) => b.score - a.score);
}

test("a search wide enough for everything finds the best answers of all, in order", () => {
  fc.assert(
    fc.property(
      fc.nat(10_000),
      fc.integer({ min: 1, max: 4 }),
      fc.constantFrom(-1, 0, 0.7, 1, 2),
      fc.boolean(),
      (salt, maxTokens, lengthPenalty, stops) => {
        const size = 4;
        const c: Case = { salt, prompt: [0, 1], stopTokens: stops ? [2] : [], maxTokens };
        const want = everything(c, lengthPenalty, size);
        const found = search(c, { width: 400, lengthPenalty, earlyStopping: "never" }, size).best(want.length);
        expect(found.map(h => h.tokens)).toEqual(want.map(h => h.tokens));
        for (const [i, h] of found.entries()) expect(h.score).toBeCloseTo(want[i]!.score, 9);
      },
    ),
    { seed: 6, numRuns: 60 },
  );
});

test("a narrow search that is never satisfied early loses nothing it had: wider is at least as good on a model without stops", () => {
  for (let salt = 0; salt < 60; salt++) {
    const c: Case = { salt, prompt: [0, 1], stopTokens: [], maxTokens: 5 };
    const best = everything({ ...c, maxTokens: 3 }, 1, 4)[0]!.score;
    expect(search({ ...c, maxTokens: 3 }, { width: 64, earlyStopping: "never" }, 4).best(1)[0]!.score).toBeCloseTo(best, 9);
    for (const width of [1, 2, 3]) expect(search({ ...c, maxTokens: 3 }, { width }, 4).best(1)[0]!.score).toBeLessThanOrEqual(best + 1e-12);
  }
});

test("one beam is greedy", () => {
  for (let salt = 0; salt < 40; salt++) {
    const c: Case = { salt, prompt: [3, 4], stopTokens: [2], maxTokens: 7 };
    const greedy: number[] = [];
    while (greedy.length < 7 && greedy.at(-1) !== 2) {
      const scores = scoresOf(salt, c.prompt, greedy);
      greedy.push(scores.indexOf(Math.max(...scores)));
    }
    expect(search(c, { width: 1 }).best(1)[0]!.tokens).toEqual(greedy);
  }
});

test("groups without a penalty all find what one of them finds alone; with a large one they begin with different tokens", () => {
  for (let salt = 0; salt < 40; salt++) {
    const c: Case = { salt, prompt: [3, 4], stopTokens: [], maxTokens: 6 };
    const alone = search(c, { width: 2 }).best(2);
    const same = search(c, { width: 6, groups: 3 }).best(6);
    expect(same.map(h => h.tokens)).toEqual(alone.flatMap(h => [h.tokens, h.tokens, h.tokens]));
    const diverse = search({ ...c, maxTokens: 1 }, { width: 3, groups: 3, diversityPenalty: 100 }).best(3);
    expect(new Set(diverse.map(h => h.tokens[0])).size).toBe(1);
    const longer = search({ ...c, maxTokens: 3 }, { width: 3, groups: 3, diversityPenalty: 100 }).best(3);
    for (const at of [0, 1]) expect(new Set(longer.map(h => h.tokens[at])).size).toBe(3);
  }
});

test("the diversity penalty is what it says: each group chooses the best of its scores less the penalty for each earlier choice", () => {
  for (let salt = 0; salt < 40; salt++) {
    const penalty = 0.2 + (salt % 7) / 3;
    const prompt = [3, 4];
    const texts: number[][] = [[], [], []];
    for (let step = 0; step < 4; step++) {
      const counts = new Map<number, number>();
      for (const text of texts) {
        const scores = scoresOf(salt, prompt, text).map((s, t) => s - penalty * (counts.get(t) ?? 0));
        const token = scores.indexOf(Math.max(...scores));
        counts.set(token, (counts.get(token) ?? 0) + 1);
        text.push(token);
      }
    }
    const beams = new BeamSearch(beamOptions({ width: 3, groups: 3, diversityPenalty: penalty }), { maxTokens: 9, stopTokens: new Set() });
    for (let step = 0; step < 4; step++) beams.advance(beams.beams.map(answer => scoresOf(salt, prompt, answer)));
    expect(beams.beams).toEqual(texts);
  }
});

test("penalties and biases move the scores of beams as they move those of sampling", () => {
  const logits = logitsOf(1, [3, 4]);
  const plain = beamScores(logits, { prompt: [3, 4], answer: [] }, none);
  expect([...plain].reduce((s, x) => s + Math.exp(x), 0)).toBeCloseTo(1, 12);
  const moved = beamScores(
    logits,
    { prompt: [3, 4], answer: [5, 5] },
    samplingOptions({ logitBias: new Map([[7, 2]]), frequencyPenalty: 0.5, temperature: 0.1 }),
  );
  for (const [t, s] of moved.entries()) expect(s - plain[t]!).toBeCloseTo(t === 7 ? 2 : t === 5 ? -1 : 0, 12);
  expect(() => beamScores(Float32Array.of(1, Number.NaN), { prompt: [], answer: [] }, none)).toThrow("got NaN at token 1");
});

test("beam options out of range name themselves, their bounds and the value", () => {
  const wrong: [Partial<BeamOptions>, string][] = [
    [{ width: 0 }, "beams.width: expected a whole number from 1, got 0."],
    [{ width: 4, groups: 3 }, "beams.groups: expected a divisor of the width 4, got 3."],
    [{ lengthPenalty: Number.NaN }, "beams.lengthPenalty: expected a finite number, got NaN."],
    [{ diversityPenalty: -1 }, "beams.diversityPenalty: expected a number from 0, got -1."],
  ];
  for (const [o, sentence] of wrong) expect(() => beamOptions(o)).toThrow(sentence);
});

test("the table of the documentation is what a search does", () => {
  // spaces that only align the table do not count
  const spaced = (t: string) => t.replace(/ +/g, " ");
  const page = spaced(readFileSync(new URL("../../../docs/decoding.md", import.meta.url), "utf8"));
  const names = ["a", "b", "."];
  const after: Record<string, number[]> = { "": [0.5, 0.4, 0.1], a: [0.4, 0.35, 0.25], b: [0.05, 0.05, 0.9] };
  const probability = (tokens: readonly number[]) => tokens.reduce((p, t, i) => p * after[i ? names[tokens[i - 1]!]! : ""]![t]!, 1);
  const text = (tokens: readonly number[]) => tokens.map(t => names[t]).join(" ");
  const search = new BeamSearch(beamOptions({ width: 2 }), { maxTokens: 3, stopTokens: new Set([2]) });
  for (let step = 1; !search.isOver; step++) {
    search.advance(search.beams.map(b => Float64Array.from(after[b.length ? names[b.at(-1)!]! : ""]!, Math.log)));
    const on = search.beams.map(b => `${text(b)} ${Number(probability(b).toFixed(4))}`).join(", ");
    const over = search.best(2).map(h => `${text(h.tokens)} ${h.score.toFixed(3)}`);
    expect(page).toContain(spaced(`| ${step} | ${on} | ${over.join(", ")} |`));
  }
  const [best] = search.best(1);
  expect(text(best!.tokens)).toBe("b .");
  expect(probability(best!.tokens) / probability([0, 0, 0])).toBeCloseTo(4.5, 9);
});
