import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { z } from "zod";
import { random } from "../../base/index.ts";
import { normalBelow } from "../../statistics/index.ts";
import { epsilonOf, noiseFor } from "./accountant.ts";
import { auditedEpsilon, guessesByScore } from "./audit.ts";
import { fourier } from "./fourier.ts";
import { epsilonOfLosses } from "./loss-distribution.ts";
import { epsilonOfRenyi, renyiCurve, renyiOf } from "./renyi.ts";

const pair = z.tuple([z.number(), z.number()]);
const golden = z
  .object({
    settings: z.array(
      z.object({
        rate: z.number(),
        noise: z.number(),
        steps: z.number(),
        delta: z.number(),
        epsilonRdp: z.number(),
        epsilonPld: z.number(),
        renyi: z.record(z.string(), pair),
        fractional: z.record(z.string(), pair),
      }),
    ),
  })
  .parse(JSON.parse(readFileSync(new URL("../golden/accountants.json", import.meta.url), "utf8")));
const wholeOrders = Array.from({ length: 63 }, (_, i) => i + 2);

test.each(golden.settings)("rate $rate, noise $noise: Rényi divergences of orders 2 to 64 equal both packages within 1e-6", s => {
  for (const order of wholeOrders)
    for (const want of s.renyi[order]!) expect(Math.abs((s.steps * renyiOf(order, s)) / want - 1), `order ${order}`).toBeLessThan(1e-6);
  expect(Math.abs(epsilonOfRenyi(renyiCurve([s], wholeOrders), s.delta).epsilon / s.epsilonRdp - 1)).toBeLessThan(1e-6);
});

test.each(golden.settings)(
  "rate $rate, noise $noise: quadrature at a whole order is the closed sum, and divergences rise with the order",
  s => {
    for (const order of [2, 5, 17]) expect(renyiOf(order + 1e-9, s) / renyiOf(order, s)).toBeCloseTo(1, 6);
    const orders = [1.25, 1.5, 2, 2.5, 3, 4, 4.75, 5, 10.5, 11];
    const found = orders.map(order => renyiOf(order, s));
    found.slice(1).forEach((x, i) => {
      expect(x).toBeGreaterThan(found[i]!);
    });
    // dp-accounting does not go below the divergence at a fractional order; Opacus does, by up to 74 % at order 1.25
    for (const [order, [, upper]] of Object.entries(s.fractional))
      expect(s.steps * renyiOf(Number(order), s)).toBeLessThan(upper * (1 + 1e-6));
  },
);

test.each(golden.settings)(
  "rate $rate, noise $noise: the loss distribution's epsilon is dp-accounting's within 1 %, and below that of Rényi",
  s => {
    const epsilon = epsilonOfLosses([s], s.delta);
    expect(Math.abs(epsilon / s.epsilonPld - 1)).toBeLessThan(0.01);
    expect(epsilon).toBeLessThan(epsilonOf([s], s.delta, "rdp"));
  },
);

/** delta of one Gaussian (Balle & Wang 2018, theorem 8). */
const analyticDelta = (epsilon: number, noise: number): number =>
  normalBelow(1 / (2 * noise) - epsilon * noise) - Math.exp(epsilon) * normalBelow(-1 / (2 * noise) - epsilon * noise);

test("without sampling the epsilon is the analytic one, and n steps are one with noise / sqrt(n)", () => {
  for (const [noise, steps] of [
    [20, 100],
    [2, 1],
    [1, 1],
  ] as const) {
    const epsilon = epsilonOfLosses([{ rate: 1, noise, steps }], 1e-5);
    expect(analyticDelta(epsilon, noise / Math.sqrt(steps)) / 1e-5).toBeCloseTo(1, 1);
    expect(analyticDelta(epsilon, noise / Math.sqrt(steps))).toBeLessThanOrEqual(1e-5);
  }
});

test("more steps, more sampling and less noise cost more; runs add up whatever their order", () => {
  const base = { rate: 0.02, noise: 1.2, steps: 400 };
  const epsilon = epsilonOf([base], 1e-5);
  expect(epsilonOf([{ ...base, steps: 500 }], 1e-5)).toBeGreaterThan(epsilon);
  expect(epsilonOf([{ ...base, rate: 0.03 }], 1e-5)).toBeGreaterThan(epsilon);
  expect(epsilonOf([{ ...base, noise: 1.1 }], 1e-5)).toBeGreaterThan(epsilon);
  const halves = [
    { ...base, steps: 150 },
    { ...base, steps: 250 },
  ];
  expect(epsilonOf(halves, 1e-5)).toBeCloseTo(epsilon, 4);
  const mixed = [base, { rate: 0.1, noise: 3, steps: 30 }];
  expect(epsilonOf(mixed, 1e-5)).toBeCloseTo(epsilonOf([...mixed].reverse(), 1e-5), 9);
  expect(epsilonOf([{ ...base, steps: 0 }], 1e-5)).toBe(0);
});

test("the noise for an epsilon reaches it, and a little less noise does not", () => {
  for (const accountant of ["pld", "rdp"] as const) {
    const plan = { epsilon: 3, delta: 1e-5, rate: 0.05, steps: 200 };
    const noise = noiseFor(plan, accountant);
    expect(epsilonOf([{ ...plan, noise }], 1e-5, accountant)).toBeLessThanOrEqual(3);
    expect(epsilonOf([{ ...plan, noise: noise * 0.998 }], 1e-5, accountant)).toBeGreaterThan(3);
  }
});

test("numbers out of range are refused by name", () => {
  expect(() => epsilonOf([{ rate: 0, noise: 1, steps: 1 }], 1e-5)).toThrow(/rate 0/);
  expect(() => epsilonOf([{ rate: 0.1, noise: 0, steps: 1 }], 1e-5, "rdp")).toThrow(/noise 0/);
  expect(() => epsilonOf([{ rate: 0.1, noise: 1, steps: 1 }], 0)).toThrow(/delta/);
});

test("the Fourier transform equals its definition, and its inverse undoes it", () => {
  const real = Float64Array.from({ length: 16 }, (_, i) => Math.sin(i * i) + i);
  const imaginary = Float64Array.from({ length: 16 }, (_, i) => Math.cos(3 * i));
  const [re, im] = [real.slice(), imaginary.slice()];
  fourier(re, im);
  for (let k = 0; k < 16; k++) {
    const want = real.reduce(
      (s, x, i) => s + x * Math.cos((2 * Math.PI * i * k) / 16) + imaginary[i]! * Math.sin((2 * Math.PI * i * k) / 16),
      0,
    );
    expect(re[k]).toBeCloseTo(want, 9);
  }
  fourier(re, im, true);
  expect(Math.max(...re.map((x, i) => Math.abs(x - real[i]!)), ...im.map((x, i) => Math.abs(x - imaginary[i]!)))).toBeLessThan(1e-12);
});

/** Of the formula in Python with scipy 1.17 (`binom.sf`, `binom.pmf`), 95 %. */
test.each([
  [1000, 500, 300, 1e-5, 0.25120533002469503],
  [1000, 100, 95, 1e-5, 2.165175799714052],
  [200, 100, 100, 0, 3.4929654311522937],
  [1000, 1000, 600, 1e-4, 0.2950124462615325],
  [100, 50, 26, 1e-5, 0],
] as const)(
  "an audit of %i canaries, %i guesses, %i right refutes the epsilon that theorem 5.2 does",
  (canaries, guesses, correct, delta, want) => {
    expect(auditedEpsilon({ canaries, guesses, correct }, delta)).toBeCloseTo(want, 6);
  },
);

test("guesses by score: of a scorer that knows all are right, of one that knows nothing about half", () => {
  const r = random("canaries");
  const coins = Array.from({ length: 2000 }, () => r.uniform() < 0.5);
  expect(guessesByScore(coins.map(isIn => ({ isIn, score: isIn ? 1 : 0 }))).correct).toBe(1000);
  const blind = guessesByScore(coins.map(isIn => ({ isIn, score: r.normal() })));
  expect(Math.abs(blind.correct - 500)).toBeLessThan(80);
  expect(auditedEpsilon(blind, 1e-5)).toBeLessThan(0.3);
});
