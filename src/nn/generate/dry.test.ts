import { expect, test } from "vitest";
import { random } from "../../base/index.ts";
import { type DryOptions, dryPenalties } from "./dry.ts";
import { samplingOptions } from "./options.ts";
import { transformLogits } from "./sample.ts";

const options = (more: Partial<DryOptions> = {}): DryOptions => ({
  multiplier: 0.8,
  base: 1.75,
  allowedLength: 2,
  lastTokens: Number.POSITIVE_INFINITY,
  breakers: [],
  ...more,
});

/** The law, place by place: the longest end of the text that stands before an earlier place of a token. */
function slowPenalties(text: readonly number[], o: DryOptions): Map<number, number> {
  const tokens = text.slice(Math.max(0, text.length - o.lastTokens));
  const isBreaker = (t: number) => o.breakers.some(b => b.length === 1 && b[0] === t);
  const behind = tokens.length - 1 - tokens.findLastIndex(isBreaker);
  const found = new Map<number, number>();
  for (let at = 1; at < tokens.length; at++) {
    let n = 0;
    while (n < at && tokens[at - 1 - n] === tokens[tokens.length - 1 - n]) n++;
    n = Math.min(n, behind);
    const token = tokens[at]!;
    if (n >= o.allowedLength && !isBreaker(token))
      found.set(token, Math.max(found.get(token) ?? 0, o.multiplier * o.base ** (n - o.allowedLength)));
  }
  return found;
}

test("what would continue a repetition of n tokens loses multiplier x base^(n - allowed length)", () => {
  // a b c c b c y a b c: c would continue `a b c`, y would continue `b c`
  const [a, b, c, y] = [1, 2, 3, 4];
  const penalties = dryPenalties([a, b, c, c, b, c, y, a, b, c], options());
  expect([...penalties].sort()).toEqual([
    [c, 0.8 * 1.75],
    [y, 0.8],
  ]);
});

test("the linear search finds what the law says, on random texts with and without breakers", () => {
  const rng = random("dry");
  for (let round = 0; round < 400; round++) {
    const length = 1 + Math.floor(rng.uniform() * 40);
    const text = Array.from({ length }, () => Math.floor(rng.uniform() * 3));
    const o = options({
      allowedLength: 1 + Math.floor(rng.uniform() * 3),
      lastTokens: round % 3 === 0 ? 8 : Number.POSITIVE_INFINITY,
      breakers: round % 2 === 0 ? [] : [[2]],
    });
    const sorted = (m: ReadonlyMap<number, number>) => [...m].sort((p, q) => p[0] - q[0]);
    expect([text, sorted(dryPenalties(text, o))]).toEqual([text, sorted(slowPenalties(text, o))]);
  }
});

test("a repetition does not reach across a breaker of several tokens", () => {
  const text = [1, 2, 3, 8, 9, 1, 2, 3];
  expect(dryPenalties([...text, 8, 9, 1, 2, 3], options()).get(8)).toBe(0.8 * 1.75 ** 6);
  expect(dryPenalties([...text, 8, 9, 1, 2, 3], options({ breakers: [[8, 9]] })).get(8)).toBe(0.8 * 1.75);
});

test("a long repetition stays finite, as float32 would have it", () => {
  const text = Array.from({ length: 2000 }, () => 5);
  const penalty = dryPenalties(text, options({ multiplier: 1 })).get(5)!;
  expect(penalty).toBeGreaterThan(1e37);
  expect(penalty).toBeLessThan(3.5e38);
});

test("scores fall by the penalties, and nothing happens without a multiplier", () => {
  const history = { prompt: [1, 2, 3], answer: [1, 2] };
  const scores = (dry: DryOptions) => Array.from(transformLogits(new Float32Array(5), history, samplingOptions({ dry })));
  expect(scores(options())).toEqual([0, 0, 0, -0.8, 0]);
  expect(scores(options({ multiplier: 0 }))).toEqual([0, 0, 0, 0, 0]);
});
