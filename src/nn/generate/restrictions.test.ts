/** Options that make tokens impossible, and those that depend on a toss. */
import { expect, test } from "vitest";
import { random } from "../../base/index.ts";
import { likelihood } from "./log-probabilities.ts";
import { type History, type SamplingOptions, samplingOptions } from "./options.ts";
import { sampleToken, transformLogits } from "./sample.ts";
import { guessToken, judgeGuess } from "./speculative.ts";
import { TextStream } from "./text-output.ts";

const empty: History = { prompt: [], answer: [] };
const out = Number.NEGATIVE_INFINITY;
const scores = (logits: readonly number[], given: Partial<SamplingOptions>, history = empty) =>
  Array.from(transformLogits(Float32Array.from(logits), history, samplingOptions(given)));

test("only allowed tokens are left, greedily too", () => {
  expect(scores([1, 2, 3, 4], { allowedTokens: new Set([0, 2, 99]) })).toEqual([1, out, 3, out]);
  const greedy = samplingOptions({ temperature: 0, allowedTokens: new Set([0, 1]) });
  expect(sampleToken(Float32Array.from([1, 2, 3, 4]), empty, greedy, random(0))).toBe(1);
});

test("the last token of a bad sequence is impossible behind the others, and possible elsewhere", () => {
  const given = { badSequences: [[3], [0, 1], [2, 0, 1]] };
  expect(scores([0, 0, 0, 0], given)).toEqual([0, 0, 0, out]);
  expect(scores([0, 0, 0, 0], given, { prompt: [0], answer: [2] })).toEqual([0, 0, 0, out]);
  expect(scores([0, 0, 0, 0], given, { prompt: [], answer: [2, 0] })).toEqual([0, out, 0, out]);
});

test("an answer does not end while it is too short, unless nothing else is possible", () => {
  const given = { minTokens: 2, endTokens: [0, 3] };
  expect(scores([5, 1, 1, 5], given)).toEqual([out, 1, 1, out]);
  expect(scores([5, 1, 1, 5], given, { prompt: [], answer: [1, 1] })).toEqual([5, 1, 1, 5]);
  expect(scores([5, out, out, 4], given)).toEqual([5, out, out, 4]);
});

test("options that leave no token are an error that names the option", () => {
  expect(() => scores([1, 2], { allowedTokens: new Set([7]) })).toThrow("sampling.allowedTokens: expected at least one token");
  expect(() => scores([1, 2], { badSequences: [[0], [1]] })).toThrow("sampling.badSequences");
  expect(() =>
    scores([1, 2], {
      logitBias: new Map([
        [0, out],
        [1, out],
      ]),
    }),
  ).toThrow("sampling.logitBias");
  expect(scores([1, 2], { logitBias: new Map([[1, out]]) })).toEqual([1, out]);
});

test("the repetition penalty sees the last tokens of its window", () => {
  const history = { prompt: [0, 1], answer: [2] };
  expect(scores([2, 2, 2], { repetitionPenalty: 2 }, history)).toEqual([1, 1, 1]);
  expect(scores([2, 2, 2], { repetitionPenalty: 2, repetitionWindow: 2 }, history)).toEqual([2, 1, 1]);
  expect(scores([2, 2, 2], { repetitionPenalty: 2, repetitionWindow: 0 }, history)).toEqual([2, 2, 2]);
});

test("XTC keeps the least likely of the top choices, where its coin says so, and never the only one", () => {
  const logits = [0.5, 0.3, 0.15, 0.05].map(Math.log);
  const given = { xtcProbability: 0.5, xtcThreshold: 0.1 };
  const left = (coin: number) => scores(logits, given, { ...empty, coin }).map(s => s > out);
  expect(left(0.4)).toEqual([false, false, true, true]);
  expect(left(0.6)).toEqual([true, true, true, true]);
  // a uniform number below 1 is below 0.5 in half of the cases: 0.5 itself is not
  expect(left(0.5)).toEqual([true, true, true, true]);
  // without a coin, as where a distribution is shown: as if it had fallen
  expect(scores(logits, given).map(s => s > out)).toEqual(left(0));
  expect(scores([0.95, 0.05].map(Math.log), given, { ...empty, coin: 0 }).map(s => s > out)).toEqual([true, true]);
});

test("with XTC the tokens that are drawn have the mixture of both distributions, guessed for or not", () => {
  const p = [0.5, 0.3, 0.15, 0.05];
  const logits = Float32Array.from(p, Math.log);
  const options = samplingOptions({ xtcProbability: 0.4, xtcThreshold: 0.1 });
  const want = p.map((x, i) => 0.6 * x + (i < 2 ? 0 : 0.4 * (x / 0.2)));
  const draws = 40_000;
  for (const isGuessed of [false, true]) {
    const rng = random("xtc");
    const counts = [0, 0, 0, 0];
    for (let i = 0; i < draws; i++) {
      const guess = isGuessed ? guessToken(Float32Array.from([0, 0, 1, 0]), empty, options, rng) : undefined;
      counts[guess ? judgeGuess(logits, guess, empty, options, rng) : sampleToken(logits, empty, options, rng)]!++;
    }
    // four standard deviations
    for (const [i, w] of want.entries()) expect(Math.abs(counts[i]! / draws - w)).toBeLessThan(4 * Math.sqrt((w * (1 - w)) / draws));
  }
});

test("without XTC no further random number is used", () => {
  const logits = Float32Array.from([1, 2, 3]);
  const [a, b] = [random("same"), random("same")];
  sampleToken(logits, empty, samplingOptions(), a);
  b.uniform();
  expect(a.uniform()).toBe(b.uniform());
});

test("a likelihood tells the rank, and the tokens that are asked for in place of the likeliest", () => {
  const logits = Float32Array.from([0, 3, 1, 2]);
  expect(likelihood(logits, 3, 1)).toMatchObject({ token: 3, rank: 2, top: [{ token: 1 }] });
  expect(likelihood(logits, 2, 5, [0, 2]).top.map(t => t.token)).toEqual([2, 0]);
  expect(likelihood(logits, 2, 0).logProbability).toBe(likelihood(logits, 0, 0, [2]).top[1]!.logProbability);
});

/** One character a token. */
const letters = { push: (id: number) => String.fromCharCode(id), end: () => "" };
test("a stop string counts from the moment where it may, and is text where it is kept", () => {
  const say = (text: string, keeps: boolean, from: number) => {
    const stream = new TextStream(letters, ["end"], keeps);
    let said = "";
    for (const [i, c] of [...text].entries()) if (stream.stop === undefined) said += stream.push(c.charCodeAt(0), i >= from);
    return [said + stream.end(), stream.stop];
  };
  expect(say("an end, and the end", false, 0)).toEqual(["an ", "end"]);
  expect(say("an end, and the end", false, 8)).toEqual(["an end, and the ", "end"]);
  expect(say("an end, and the end", true, 8)).toEqual(["an end, and the end", "end"]);
  expect(say("ends", false, 3)).toEqual(["ends", undefined]);
});
