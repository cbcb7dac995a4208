import { expect, test } from "vitest";
import { random } from "../base/index.ts";
import { fitLossLaw, type LossLaw, lossAt, predictLoss } from "./loss-law.ts";

/** Chinchilla's own (Hoffmann et al. 2022, appendix D.3). */
const chinchilla: LossLaw = { irreducible: 1.69, parameterFactor: 406.4, parameterExponent: 0.34, tokenFactor: 410.7, tokenExponent: 0.28 };
const sizes = [1e5, 3e5, 1e6];
const tokens = [2e5, 8e5, 3.2e6];
const grid = sizes.flatMap(parameters => tokens.map(t => ({ parameters, tokens: t })));
const runs = (law: LossLaw, noise = (_: number) => 0) => grid.map((p, i) => ({ ...p, loss: lossAt(law, p) * (1 + noise(i)) }));
const target = { parameters: 4e6, tokens: 1e7 };

test("the law that made the losses is found, and so is what it says of a run beyond them", () => {
  for (const law of [chinchilla, { ...chinchilla, parameterExponent: 0.7, parameterFactor: 3e4, tokenExponent: 0.5, tokenFactor: 3000 }]) {
    const found = fitLossLaw(runs(law));
    expect(found.parameterExponent).toBeCloseTo(law.parameterExponent, 1);
    expect(found.tokenExponent).toBeCloseTo(law.tokenExponent, 1);
    expect(Math.abs(lossAt(found, target) / lossAt(law, target) - 1)).toBeLessThan(0.005);
  }
});

test("one bad run of nine moves the prediction by little", () => {
  const good = runs(chinchilla);
  const bad = good.map((p, i) => (i === 4 ? { ...p, loss: p.loss * 1.3 } : p));
  expect(Math.abs(lossAt(fitLossLaw(bad), target) / lossAt(chinchilla, target) - 1)).toBeLessThan(0.05);
});

test("the interval holds the loss of a new run, noise included, in most draws, and is wider where noise is", () => {
  const r = random("coverage");
  const width = { small: 0, large: 0 };
  let held = 0;
  const rounds = 8;
  for (let i = 0; i < rounds; i++)
    for (const [name, size] of [
      ["small", 0.002],
      ["large", 0.01],
    ] as const) {
      const p = predictLoss(
        runs(chinchilla, () => size * r.normal()),
        target,
        { draws: 40, seed: i },
      );
      const actual = lossAt(chinchilla, target) * (1 + size * r.normal());
      if (actual >= p.low && actual <= p.high) held++;
      width[name] += (p.high - p.low) / rounds;
    }
  expect(held / (2 * rounds)).toBeGreaterThan(0.8);
  expect(width.large).toBeGreaterThan(2 * width.small);
});

test("the same runs and seed give the same interval", () => {
  const noisy = runs(chinchilla, i => 0.004 * Math.sin(i));
  expect(predictLoss(noisy, target, { draws: 20 })).toEqual(predictLoss(noisy, target, { draws: 20 }));
});

test("too few runs, or runs of one size, are refused", () => {
  expect(() => fitLossLaw(runs(chinchilla).slice(0, 5))).toThrow(/at least 6 runs.*5/s);
  expect(() => fitLossLaw(runs(chinchilla).map(p => ({ ...p, parameters: 1e6 })))).toThrow(/two sizes.*1 sizes/s);
});
