import { expect, test } from "vitest";
import { rounds } from "../../../test/support/deep.ts";
import { type Random, random } from "../../base/index.ts";
import { type History, type SamplingOptions, samplingOptions } from "./options.ts";
import { greatestToken, sampleToken, transformLogits } from "./sample.ts";
import { guessToken, judgeGuess } from "./speculative.ts";

/** Logits of a token given the one before, random: a model of one step's memory, small enough to count everything it says. */
const chain = (seed: string, vocab: number, deviation: number) => {
  const r = random(seed);
  const rows = Array.from({ length: vocab + 1 }, () => Float32Array.from({ length: vocab }, () => deviation * r.normal()));
  return (text: readonly number[]): Float32Array => rows[(text.at(-1) ?? -1) + 1]!;
};

/** 99.9 % quantile of chi-square (Wilson & Hilferty 1931). */
const chiSquareBound = (freedom: number): number => freedom * (1 - 2 / (9 * freedom) + 3.09 * Math.sqrt(2 / (9 * freedom))) ** 3;

const softmax = (scores: Float64Array): number[] => {
  const top = Math.max(...scores);
  const w = Array.from(scores, s => Math.exp(s - top));
  const sum = w.reduce((a, b) => a + b, 0);
  return w.map(x => x / sum);
};

type Model = (text: readonly number[]) => Float32Array;

/** Answers of `length` tokens in rounds of `ahead` guesses, as an engine makes them. */
function speculate(large: Model, small: Model, options: SamplingOptions, length: number, ahead: number, rng: Random) {
  const answer: number[] = [];
  const memory = {};
  let right = 0;
  while (answer.length < length) {
    const guesses = [];
    const text = [...answer];
    for (let i = 0; i < ahead; i++) {
      const guess = guessToken(small(text), { prompt: [], answer: text, memory }, options, rng);
      guesses.push(guess);
      text.push(guess.token);
    }
    const history: History = { prompt: [], answer, memory };
    for (const guess of [...guesses, undefined]) {
      const token = guess ? judgeGuess(large(answer), guess, history, options, rng) : sampleToken(large(answer), history, options, rng);
      answer.push(token);
      if (token !== guess?.token) break;
      right++;
    }
  }
  return { answer: answer.slice(0, length), right };
}

const vocab = 5;
const strategies: Record<string, Partial<SamplingOptions>> = {
  plain: {},
  "cold, few": { temperature: 0.6, topK: 3 },
  "penalties and a nucleus": { temperature: 1.3, topP: 0.9, repetitionPenalty: 1.4, presencePenalty: 0.3 },
};
const models: Record<string, readonly [Model, Model]> = {
  "a small model that knows little": [chain("large", vocab, 1.5), chain("small", vocab, 1.5)],
  "a small model that knows all": [chain("same", vocab, 1.5), chain("same", vocab, 1.5)],
  "a small model that is sure of what is wrong": [chain("l", vocab, 1), chain("s", vocab, 6)],
};

for (const [name, given] of Object.entries(strategies))
  for (const [which, [large, small]] of Object.entries(models))
    test(`${name}, ${which}: texts of three tokens are as frequent as the large model alone says`, () => {
      const options = samplingOptions(given);
      const expected = new Map<string, number>();
      const walk = (text: readonly number[], p: number): void => {
        if (text.length === 3) {
          expected.set(text.join(), p);
          return;
        }
        const next = softmax(transformLogits(large(text), { prompt: [], answer: text }, options));
        for (const [token, q] of next.entries()) if (q > 0) walk([...text, token], p * q);
      };
      walk([], 1);
      const n = rounds(12_000, 4_000);
      const rng = random(`${name} ${which}`);
      const seen = new Map<string, number>();
      let right = 0;
      for (let i = 0; i < n; i++) {
        const said = speculate(large, small, options, 3, 2, rng);
        right += said.right;
        seen.set(said.answer.join(), (seen.get(said.answer.join()) ?? 0) + 1);
      }
      for (const text of seen.keys()) expect(expected.has(text)).toBe(true);
      // rare texts together, so that every cell has enough
      let square = 0;
      let cells = 0;
      let rare = { got: 0, want: 0 };
      for (const [text, p] of expected) {
        const got = seen.get(text) ?? 0;
        if (p * n < 8) rare = { got: rare.got + got, want: rare.want + p * n };
        else {
          square += (got - p * n) ** 2 / (p * n);
          cells++;
        }
      }
      if (rare.want >= 8) {
        square += (rare.got - rare.want) ** 2 / rare.want;
        cells++;
      }
      expect(cells).toBeGreaterThan(5);
      expect(square).toBeLessThan(chiSquareBound(cells - 1));
      if (large === small || which.endsWith("all")) expect(right).toBeGreaterThan(2 * n * 0.99);
      else expect(right).toBeLessThan(2 * n * 0.9);
    });

test("at temperature 0 the text is the greedy one and no random number is drawn", () => {
  const [large, small] = models["a small model that knows little"]!;
  const options = samplingOptions({ temperature: 0, repetitionPenalty: 1.2 });
  const rng = random("unused");
  const before = rng.state();
  const { answer } = speculate(large, small, options, 20, 3, rng);
  const want: number[] = [];
  while (want.length < 20) want.push(greatestToken(transformLogits(large(want), { prompt: [], answer: want }, options)));
  expect(answer).toEqual(want);
  expect(rng.state()).toEqual(before);
});

test("a guess leaves what a strategy remembers alone; the token that is taken moves it once", () => {
  const options = samplingOptions({ mirostatTau: 2 });
  const rng = random("mirostat");
  const memory = { mostSurprise: 3 };
  const history: History = { prompt: [], answer: [1], memory };
  const logits = Float32Array.of(1, 2, 3, 0.5);
  const guess = guessToken(logits, history, options, rng);
  expect(memory.mostSurprise).toBe(3);
  const token = judgeGuess(logits, guess, history, options, rng);
  const norm = Math.log(Array.from(logits, x => Math.exp(x)).reduce((a, b) => a + b, 0));
  expect(memory.mostSurprise).toBeCloseTo(3 - 0.1 * ((norm - logits[token]!) / Math.LN2 - 2), 6);
});

test("a guess of a shorter vocabulary is judged in the longer one", () => {
  const options = samplingOptions({});
  const counts = new Float64Array(4);
  const rng = random("longer");
  const large = Float32Array.of(0, 1, 0.5, 1.5);
  for (let i = 0; i < 20_000; i++)
    counts[
      judgeGuess(
        large,
        guessToken(Float32Array.of(2, 0, 1), { prompt: [], answer: [] }, options, rng),
        { prompt: [], answer: [] },
        options,
        rng,
      )
    ]!++;
  const p = softmax(new Float64Array(large));
  expect(p.reduce((s, q, i) => s + (counts[i]! - q * 20_000) ** 2 / (q * 20_000), 0)).toBeLessThan(chiSquareBound(3));
});

test("broken numbers of either model are an error", () => {
  const options = samplingOptions({});
  const nothing: History = { prompt: [], answer: [] };
  const nan = Float32Array.of(0, Number.NaN);
  expect(() => guessToken(nan, nothing, options, random(1))).toThrow("NaN at token 1");
  expect(() => judgeGuess(nan, { token: 0, probabilities: Float64Array.of(0.5, 0.5) }, nothing, options, random(1))).toThrow("NaN");
});
