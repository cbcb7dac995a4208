import { expect, test } from "vitest";
import { instancesFor, type MonthlyLoad, monthlyCost } from "./monthly-cost.ts";
import { pricedTargets } from "./part.ts";
import { cloudPrices } from "./prices.ts";

const load: MonthlyLoad = { requests: 1_000_000, tokens: 100, tokensPerSecond: 200, slots: 8, memoryGb: 2, vcpus: 1, peak: 3 };

test("Lambda bills each request at the speed of one sequence: the published formula by hand", () => {
  const cost = monthlyCost("lambda", load);
  // 100 tokens at 200 / 8 = 25 a second: 4 s; 8 million GB-seconds, and a million requests
  expect(cost.billedSeconds).toBe(4_000_000);
  expect(cost.dollars).toBeCloseTo(8_000_000 * 0.0000166667 + 0.2, 6);
});

test("Cloud Run bills an instance once for all sequences it decodes", () => {
  const cost = monthlyCost("cloud-run", load);
  expect(cost.billedSeconds).toBe(500_000);
  expect(cost.dollars).toBeCloseTo(500_000 * (0.000024 + 2 * 0.0000025) + 0.4, 6);
  expect(monthlyCost("cloud-run", { ...load, slots: 1 }).dollars).toBe(cost.dollars);
});

test("Fargate runs as many instances as the peak needs, the whole month; one task of 1 vCPU and 4 GB is about 42 dollars", () => {
  expect(monthlyCost("fargate", { ...load, requests: 10, memoryGb: 4 }).dollars).toBeCloseTo(730.5 * (0.04048 + 4 * 0.004445), 6);
  // 3 x 100 million tokens in 730.5 hours are 114 a second
  expect(instancesFor(load)).toBe(1);
  expect(instancesFor({ ...load, tokensPerSecond: 40 })).toBe(3);
  for (const k of [2, 5, 17]) expect(instancesFor({ ...load, requests: k * load.requests })).toBeLessThanOrEqual(k * instancesFor(load));
});

test("a price has a date, a region and a source; without one the cost is unknown until loam.yaml sets it", () => {
  for (const target of pricedTargets) {
    const { dollars, pricesOf } = monthlyCost(target, load);
    expect(dollars === null).toBe(cloudPrices[target] === null);
    if (pricesOf) expect([pricesOf.date, pricesOf.source].join(" ")).toMatch(/^20\d\d\S* https:/);
  }
  expect(monthlyCost("sagemaker", load, { sagemaker: { perHour: 0.25 } })).toMatchObject({
    dollars: 0.25 * 730.5,
    pricesOf: { source: "loam.yaml" },
  });
  expect(monthlyCost("lambda", load, { lambda: { perMillionRequests: 1 } }).dollars).toBe(1);
});
