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
