import fc from "fast-check";
import { expect, test } from "vitest";
import { rounds } from "../../../test/support/deep.ts";
import { random } from "../../base/index.ts";
import { defaultSampling, type History, type SamplingMemory, type SamplingOptions, samplingOptions } from "./options.ts";
import { sampleToken, transformLogits } from "./sample.ts";

const nothing: History = { prompt: [], answer: [] };
const options = (o: Partial<SamplingOptions>): SamplingOptions => samplingOptions(o);
const logitsOf = (seed: string, n: number, deviation = 1.2): Float32Array => {
  const r = random(seed);
  return Float32Array.from({ length: n }, () => deviation * r.normal());
};

/** Judge: probabilities by sorting and adding up, written apart from the table. Order: temperature, k, p, min-p, typical. */
function bruteForce(logits: ArrayLike<number>, o: SamplingOptions): number[] {
  let all = Array.from(logits, (s, id) => ({ id, w: Math.exp(s / o.temperature) }));
  all.sort((a, b) => b.w - a.w || a.id - b.id);
  if (o.topK) all = all.slice(0, o.topK);
  const sum = all.reduce((s, x) => s + x.w, 0);
  let mass = 0;
  if (o.topP < 1)
    all = all.filter(x => {
      const taken = mass < o.topP * sum;
      mass += x.w;
      return taken;
    });
  all = all.filter(x => x.w >= o.minP * all[0]!.w);
  if (o.typicalP < 1) {
    const mass = all.reduce((s, x) => s + x.w, 0);
    const surprise = (x: { w: number }) => -Math.log(x.w / mass);
    const entropy = all.reduce((s, x) => s + (x.w > 0 ? (x.w / mass) * surprise(x) : 0), 0);
    const near = [...all].sort((a, b) => Math.abs(surprise(a) - entropy) - Math.abs(surprise(b) - entropy) || a.id - b.id);
    let taken = 0;
    all = near.filter(x => {
      const stays = taken < o.typicalP * mass;
      taken += x.w;
      return stays;
    });
  }
  const left = all.reduce((s, x) => s + x.w, 0);
  const p = new Array<number>(logits.length).fill(0);
  for (const x of all) p[x.id] = x.w / left;
  return p;
}

const softmax = (scores: Float64Array): number[] => {
  const top = Math.max(...scores);
  const w = Array.from(scores, s => Math.exp(s - top));
  const sum = w.reduce((a, b) => a + b, 0);
  return w.map(x => x / sum);
};

/** 99.9 % quantile of chi-square (Wilson & Hilferty 1931). */
const chiSquareBound = (freedom: number): number => freedom * (1 - 2 / (9 * freedom) + 3.09 * Math.sqrt(2 / (9 * freedom))) ** 3;

const strategies: Record<string, Partial<SamplingOptions>> = {
  "temperature 1": {},
  "temperature 0.6": { temperature: 0.6 },
  "top-k 5": { topK: 5 },
  "top-p 0.8": { topP: 0.8 },
  "min-p 0.1": { minP: 0.1 },
  "typical 0.6": { typicalP: 0.6 },
  "temperature 1.5, top-k 12, typical 0.8": { temperature: 1.5, topK: 12, typicalP: 0.8 },
  "temperature 1.5, top-k 12, top-p 0.9, min-p 0.05": { temperature: 1.5, topK: 12, topP: 0.9, minP: 0.05 },
};

for (const [name, o] of Object.entries(strategies))
  test(`${name}: draws fit the brute-force distribution (chi-square, 99.9 %)`, () => {
    const logits = logitsOf(name, 24);
    const want = bruteForce(logits, options(o));
    // Of 5,000 draws the test sees a total variation of 0.05 nine times in ten, of 20,000 one of 0.025.
    const draws = rounds(20_000, 5_000);
    const rng = random(`draws ${name}`);
    const counts = new Array<number>(24).fill(0);
    for (let i = 0; i < draws; i++) counts[sampleToken(logits, nothing, options(o), rng)]!++;
    // cells with too few expected draws are joined
    const cells = want.flatMap((p, id) => (p * draws >= 8 ? [{ e: p * draws, n: counts[id]! }] : []));
    const [e, n] = cells.reduce(([a, b], c) => [a - c.e, b - c.n], [draws, draws] as [number, number]);
    if (e >= 8) cells.push({ e, n });
    const chi = cells.reduce((s, c) => s + (c.n - c.e) ** 2 / c.e, 0);
    expect(chi).toBeLessThan(chiSquareBound(cells.length - 1));
    expect(counts.every((c, id) => c === 0 || want[id]! > 0)).toBe(true);
  });

test("any mix of temperature, top-k, top-p and min-p leaves the brute-force distribution", () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: -400, max: 400 }), { minLength: 1, maxLength: 40 }),
      fc.double({ min: 0.05, max: 3, noNaN: true }),
      fc.nat(45),
      fc.double({ min: 0.01, max: 1, noNaN: true }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (tenths, temperature, topK, topP, minP) => {
        const logits = Float64Array.from(tenths, t => t / 40);
        const o = options({ temperature, topK, topP, minP });
        const got = softmax(transformLogits(logits, nothing, o));
        const want = bruteForce(logits, o);
        const close = got.every((p, i) => Math.abs(p - want[i]!) < 1e-9);
        // a token exactly on an edge may fall either way by rounding
        expect(close || isNearEdge(logits, o)).toBe(true);
      },
    ),
    { seed: 7, numRuns: 500 },
  );
});

/** Whether some cut lies within rounding of a token's mass. */
function isNearEdge(logits: Float64Array, o: SamplingOptions): boolean {
  const moved = (d: number) => bruteForce(logits, { ...o, topP: Math.min(1, o.topP * (1 + d)), minP: Math.min(1, o.minP * (1 + d)) });
  const [a, b] = [moved(-1e-9), moved(1e-9)];
  return a.some((p, i) => (p === 0) !== (b[i] === 0));
}

test("typical sampling leaves the brute-force set: nearest to the expected surprise, up to the mass", () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: -9, max: 9, noNaN: true }), { minLength: 1, maxLength: 40 }),
      fc.double({ min: 0.01, max: 0.99, noNaN: true }),
      fc.double({ min: 0.3, max: 2, noNaN: true }),
      (values, typicalP, temperature) => {
        const logits = Float64Array.from(values);
        const o = options({ typicalP, temperature });
        const got = softmax(transformLogits(logits, nothing, o));
        const want = bruteForce(logits, o);
        const close = got.every((p, i) => Math.abs(p - want[i]!) < 1e-9);
        const [a, b] = [-1e-9, 1e-9].map(d => bruteForce(logits, { ...o, typicalP: typicalP * (1 + d) })) as [number[], number[]];
        // equal distances, and sets on an edge, may fall either way by rounding
        const p = bruteForce(logits, options({ temperature }));
        const entropy = p.reduce((s, x) => s - (x > 0 ? x * Math.log(x) : 0), 0);
        const distances = p.map(x => Math.abs(-Math.log(x) - entropy)).sort((x, y) => x - y);
        const isTied = distances.some((d, i) => i > 0 && d - distances[i - 1]! < 1e-9);
        expect(close || isTied || a.some((p, i) => (p === 0) !== (b[i] === 0))).toBe(true);
      },
    ),
    { seed: 9, numRuns: 500 },
  );
});

test("typical sampling may leave the likeliest token out, and keeps what is as surprising as expected", () => {
  // p = 0.4 and 30 times 0.02: the expected surprise is 2.7 nats, that of the likeliest 0.9, that of the others 3.9
  const logits = Float64Array.from({ length: 31 }, (_, i) => Math.log(i === 0 ? 0.4 : 0.02));
  expect(transformLogits(logits, nothing, options({ typicalP: 0.5 }))[0]).toBe(Number.NEGATIVE_INFINITY);
});

test("mirostat: the mean surprise of what is drawn comes to the aim, from either side, and the bound is what it says", () => {
  const logits = logitsOf("mirostat", 400, 2);
  const norm = Math.log(logits.reduce((s, x) => s + Math.exp(x), 0));
  // between the surprise of the likeliest token (3 bits) and the mean of all (5.8)
  for (const mirostatTau of [4, 4.7, 5.3]) {
    const o = options({ mirostatTau, mirostatEta: 0.1 });
    const memory: SamplingMemory = {};
    const rng = random(`mirostat ${mirostatTau}`);
    let total = 0;
    for (let i = 0; i < 2500; i++) {
      const most = memory.mostSurprise ?? 2 * mirostatTau;
      const token = sampleToken(logits, { ...nothing, memory }, o, rng);
      const surprise = (norm - logits[token]!) / Math.LN2;
      if (surprise > most + 1e-6 || Math.abs(memory.mostSurprise! - (most - 0.1 * (surprise - mirostatTau))) > 1e-6)
        throw new Error(`drew ${surprise} bits where at most ${most} may be, then ${memory.mostSurprise}`);
      if (i >= 500) total += surprise;
    }
    expect(Math.abs(total / 2000 - mirostatTau)).toBeLessThan(0.15);
  }
});

test("renaming tokens renames the distribution", () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.integer({ min: -1000, max: 1000 }), { minLength: 2, maxLength: 30 }), fc.nat(), (values, seed) => {
      const logits = Float64Array.from(values, v => v / 100);
      const p = random(seed).permutation(values.length);
      const o = options({ temperature: 0.7, topK: 7, topP: 0.9, minP: 0.02 });
      const plain = softmax(transformLogits(logits, nothing, o));
      const renamed = softmax(
        transformLogits(
          Float64Array.from(p, i => logits[i]!),
          nothing,
          o,
        ),
      );
      renamed.forEach((x, i) => {
        expect(x).toBeCloseTo(plain[p[i]!]!, 12);
      });
    }),
    { seed: 11, numRuns: 200 },
  );
});

test("a temperature that comes last leaves the set of the cuts alone, and scales what is left", () => {
  fc.assert(
    fc.property(
      fc.integer(),
      fc.double({ min: 0.2, max: 3, noNaN: true }),
      fc.double({ min: 0.05, max: 0.95, noNaN: true }),
      (seed, temperature, p) => {
        const logits = logitsOf(`last ${seed}`, 40);
        for (const cut of [{ topP: p }, { minP: p }, { topK: 5 }, { typicalP: p }]) {
          const plain = transformLogits(logits, nothing, options(cut));
          const last = transformLogits(logits, nothing, options({ ...cut, temperature, temperatureLast: true }));
          expect([...last.keys()].filter(i => last[i]! > -Infinity)).toEqual([...plain.keys()].filter(i => plain[i]! > -Infinity));
          const top = Math.max(...plain);
          for (const [i, s] of last.entries()) if (s > -Infinity) expect(s).toBeCloseTo((plain[i]! - top) / temperature, 9);
        }
      },
    ),
  );
});

test("whoever watches is told the scores that a token was drawn from, and nothing at temperature 0", () => {
  const logits = logitsOf("watch", 12);
  const seen: Float64Array[] = [];
  const watched = { ...nothing, watch: (scores: Float64Array) => seen.push(scores.slice()) };
  const o = options({ temperature: 0.7, topK: 4 });
  const token = sampleToken(logits, watched, o, random("w"));
  expect(token).toBe(sampleToken(logits, nothing, o, random("w")));
  expect(seen).toEqual([transformLogits(logits, nothing, o)]);
  sampleToken(logits, watched, options({ temperature: 0 }), random("w"));
  expect(seen).toHaveLength(1);
});

test("scores far from 0 overflow neither the cuts nor the draw", () => {
  const near = [1, 3, 2, 2.5];
  for (const cut of [{}, { topP: 0.9 }, { minP: 0.2 }, { typicalP: 0.9 }, { topK: 2 }])
    for (let seed = 0; seed < 20; seed++) {
      const token = (shift: number) =>
        sampleToken(
          Float32Array.from(near, s => s + shift),
          nothing,
          options(cut),
          random(`far ${seed}`),
        );
      expect([cut, token(900), token(-900)]).toEqual([cut, token(0), token(0)]);
    }
});

test("temperature 0 takes the greatest, the lowest id of equals, and ignores the seed", () => {
  const o = options({ temperature: 0, topK: 3, topP: 0.2 });
  for (const seed of [1, 2, 3]) {
    const rng = random(seed);
    const before = rng.state();
    expect(sampleToken(Float32Array.of(1, 5, 5, 2), nothing, o, rng)).toBe(1);
    expect(rng.state()).toEqual(before);
  }
});

test("a temperature near 0 is greedy, not NaN", () => {
  expect(sampleToken(Float32Array.of(-3, 80, 79.99), nothing, options({ temperature: 1e-300 }), random(1))).toBe(1);
});

test("the same state draws the same token; draws use one number each", () => {
  const logits = logitsOf("state", 50);
  const [a, b] = [random(5), random(5)];
  for (let i = 0; i < 20; i++)
    expect(sampleToken(logits, nothing, defaultSampling, a)).toBe(sampleToken(logits, nothing, defaultSampling, b));
  const counted = random(5);
  for (let i = 0; i < 20; i++) counted.uniform();
  expect(a.state()).toEqual(counted.state());
});

test("the repetition penalty makes seen tokens less likely on either side of zero", () => {
  const logits = Float32Array.of(2, -2, 1, 0.5);
  const p = softmax(transformLogits(logits, nothing, defaultSampling));
  const q = softmax(transformLogits(logits, { prompt: [0], answer: [1] }, options({ repetitionPenalty: 1.3 })));
  expect(q[0]).toBeLessThan(p[0]!);
  expect(q[1]).toBeLessThan(p[1]!);
  expect(q[2]! / q[3]!).toBeCloseTo(p[2]! / p[3]!, 12);
});

test("a penalty next to 0 overflows no score: a token is drawn all the same", () => {
  const history: History = { prompt: [0, 1], answer: [2] };
  for (const temperature of [0, 5e-324, 1])
    for (const repetitionPenalty of [5e-324, 1e-308])
      for (const more of [{}, { topK: 2 }, { topP: 0.5 }, { minP: 0.5 }, { typicalP: 0.5 }, { temperatureLast: true, topP: 0.5 }]) {
        const o = options({ repetitionPenalty, temperature, ...more });
        expect([0, 1]).toContain(sampleToken(Float32Array.of(30, 20, -40, -50), history, o, random("p")));
      }
});

test("presence counts a token of the answer once, frequency each time, and neither looks at the prompt", () => {
  const logits = new Float32Array(4);
  const history = { prompt: [3, 3], answer: [1, 1, 2] };
  expect([...transformLogits(logits, history, options({ presencePenalty: 0.5 }))]).toEqual([0, -0.5, -0.5, 0]);
  expect([...transformLogits(logits, history, options({ frequencyPenalty: 0.5 }))]).toEqual([0, -1, -0.5, 0]);
  expect([...transformLogits(logits, history, options({ frequencyPenalty: 1 }))]).toEqual([0, -2, -1, 0]);
  expect([...transformLogits(logits, history, options({ presencePenalty: 1 }))]).toEqual([0, -1, -1, 0]);
});

test("a bias forbids or forces a token, at temperature 0 too", () => {
  const logits = Float32Array.of(1, 2, 3);
  expect(sampleToken(logits, nothing, options({ temperature: 0, logitBias: new Map([[2, -100]]) }), random(1))).toBe(1);
  expect(sampleToken(logits, nothing, options({ logitBias: new Map([[0, 100]]) }), random(1))).toBe(0);
  expect(sampleToken(logits, nothing, options({ temperature: 0, logitBias: new Map([[99, 100]]) }), random(1))).toBe(2);
});

test("logits that have broken down are an error, not a token", () => {
  for (const o of [defaultSampling, options({ temperature: 0 }), options({ topK: 2 })]) {
    expect(() => sampleToken(Float32Array.of(1, Number.NaN, 2), nothing, o, random(1))).toThrow(
      "logits: expected finite numbers, got NaN at token 1. The weights, or the numbers inside the model, have broken down.",
    );
    expect(() => sampleToken(Float32Array.of(1, Number.POSITIVE_INFINITY), nothing, o, random(1))).toThrow("got Infinity at token 1");
    expect(() => sampleToken(new Float32Array(3).fill(Number.NEGATIVE_INFINITY), nothing, o, random(1))).toThrow("at least one token");
  }
});

test("options out of range name themselves, their bounds and the value", () => {
  const wrong: [Partial<SamplingOptions>, string][] = [
    [{ temperature: -1 }, "sampling.temperature: expected a number from 0, got -1."],
    [{ temperature: Number.NaN }, "sampling.temperature: expected a number from 0, got NaN."],
    [{ topK: 1.5 }, "sampling.topK: expected a whole number from 0 (off), got 1.5."],
    [{ topP: 0 }, "sampling.topP: expected a number above 0, at most 1 (off), got 0."],
    [{ minP: 2 }, "sampling.minP: expected a number from 0 (off) to 1, got 2."],
    [{ typicalP: 0 }, "sampling.typicalP: expected a number above 0, at most 1 (off), got 0."],
    [{ mirostatTau: -1 }, "sampling.mirostatTau: expected a number from 0 (off), got -1."],
    [{ mirostatEta: 0 }, "sampling.mirostatEta: expected a number above 0, at most 1, got 0."],
    [{ repetitionPenalty: 0 }, "sampling.repetitionPenalty: expected a number above 0 (1 is off), got 0."],
    [
      { logitBias: new Map([[1, Number.NaN]]) },
      "sampling.logitBias: expected token ids from 0 with finite numbers or -Infinity, got 1: NaN.",
    ],
  ];
  for (const [o, sentence] of wrong) expect(() => samplingOptions(o)).toThrow(sentence);
});
