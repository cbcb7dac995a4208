/** Conformal martingales: few alarms however often one looks, soon where something changed, the same whatever the pieces. */
import { expect, test } from "vitest";
import { random } from "../../base/index.ts";
import { conformalP, observeConformal, openConformal } from "./index.ts";

const normals = (count: number, seed: number | string, mean = 0) => {
  const draw = random(seed);
  return Float64Array.from({ length: count }, () => draw.normal() + mean);
};

test("a stream like its reference is called different in at most 5 % of runs, looked at after every value", () => {
  const rounds = 200;
  let alarms = 0;
  for (let i = 0; i < rounds; i++)
    if (conformalP(observeConformal(openConformal(normals(60, `r${i}`), { seed: i }), normals(300, `s${i}`))) <= 0.05) alarms++;
  // 10 at most are expected; three deviations of a binomial are 9
  expect(alarms).toBeLessThanOrEqual(19);
});

test("ties and few different values raise no alarm either", () => {
  const rounds = 200;
  let alarms = 0;
  for (let i = 0; i < rounds; i++) {
    const draw = random(i);
    const dice = (count: number) => Array.from({ length: count }, () => draw.below(3));
    if (conformalP(observeConformal(openConformal(dice(50), { seed: i }), dice(200))) <= 0.05) alarms++;
  }
  expect(alarms).toBeLessThanOrEqual(19);
});

test("a shift is found, and said to have begun near where it did", () => {
  const quiet = observeConformal(openConformal(normals(300, 1)), normals(200, 2));
  expect(conformalP(quiet)).toBeGreaterThan(0.05);
  const shifted = observeConformal(quiet, normals(150, 3, 1.2));
  expect(conformalP(shifted)).toBeLessThan(0.001);
  expect(shifted.since).toBeGreaterThan(150);
  expect(shifted.since).toBeLessThan(230);
});

test("a stream in pieces, through JSON between them, is the stream at once", () => {
  const values = normals(100, 4, 0.3);
  const open = openConformal(normals(40, 5));
  const whole = observeConformal(open, values);
  let pieces = open;
  for (const [from, to] of [
    [0, 1],
    [1, 37],
    [37, 100],
  ] as const)
    pieces = JSON.parse(JSON.stringify(observeConformal(pieces, values.subarray(from, to))));
  expect(pieces).toEqual(whole);
});

test("a state of bounded size has no more false alarms, and still finds a shift", () => {
  const rounds = 200;
  let alarms = 0;
  for (let i = 0; i < rounds; i++) {
    const state = observeConformal(openConformal(normals(20, `r${i}`), { seed: i, most: 40 }), normals(300, `s${i}`));
    expect(state.sorted.length).toBeLessThanOrEqual(40);
    if (conformalP(state) <= 0.05) alarms++;
  }
  expect(alarms).toBeLessThanOrEqual(19);
  const shifted = observeConformal(openConformal(normals(100, 1), { most: 200 }), normals(400, 2));
  expect(conformalP(shifted)).toBeGreaterThan(0.05);
  expect(conformalP(observeConformal(shifted, normals(100, 3, 2)))).toBeLessThan(0.001);
});

test("the martingale is one: where ranks are uniform its mean stays 1", () => {
  const rounds = 4000;
  let [sum, squares] = [0, 0];
  for (let i = 0; i < rounds; i++) {
    const value = Math.exp(observeConformal(openConformal(normals(10, `m${i}`), { seed: i }), normals(12, `n${i}`)).logValue);
    sum += value;
    squares += value * value;
  }
  const mean = sum / rounds;
  expect(Math.abs(mean - 1)).toBeLessThan(4 * Math.sqrt((squares / rounds - mean * mean) / rounds));
});

test("a change after a long quiet time is found about as soon as one at the beginning", () => {
  const delay = (quiet: number, seed: number) => {
    let state = observeConformal(openConformal(normals(300, `a${seed}`), { seed }), normals(quiet, `b${seed}`));
    if (conformalP(state) <= 0.05) return undefined;
    const shifted = normals(300, `c${seed}`, 0.8);
    for (let n = 1; n <= 300; n++) {
      state = observeConformal(state, shifted.subarray(n - 1, n));
      if (conformalP(state) <= 0.05) return n;
    }
    return 300;
  };
  const middle = (quiet: number) => {
    const delays = Array.from({ length: 15 }, (_, i) => delay(quiet, i)).filter(n => n !== undefined);
    expect(delays.length).toBeGreaterThan(11);
    return delays.sort((a, b) => a - b)[delays.length >> 1]!;
  };
  expect(middle(0)).toBeLessThan(60);
  expect(middle(1500)).toBeLessThan(120);
});
