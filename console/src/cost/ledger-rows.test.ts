import { expect, test } from "vitest";
import type { RunCost } from "../generated/server.ts";
import { ledgerRows } from "./ledger-rows.ts";

const amounts = (coreSeconds: number) => ({
  coreSeconds,
  flops: 2e9 * coreSeconds,
  kilowattHours: coreSeconds / 1e4,
  usd: coreSeconds / 1e5,
});
const cost = (coreSeconds: number, categories: readonly string[], machine: string): RunCost => ({
  subject: "x",
  lines: [],
  categories: categories.map(category => ({ category, share: 1 / categories.length, ...amounts(coreSeconds / categories.length) })),
  total: amounts(coreSeconds),
  totalWithoutSweeps: amounts(coreSeconds),
  notes: [`Machine: ${machine}.`, "Energy is estimated."],
});
const ratioOf = (found: ReturnType<typeof ledgerRows>, name: string) => found.rows.find(r => r.name === name)!.ratio;

test("on one machine all amounts have a ratio; a category that one side lacks has none", () => {
  const found = ledgerRows(cost(30, ["data", "training", "sweeps"], "P, avx2"), cost(60, ["data", "training"], "P, avx2"));
  expect(found.isSameMachine).toBe(true);
  expect(["core-seconds", "GFLOP", "Wh", "USD"].map(name => ratioOf(found, name))).toEqual([0.5, 0.5, 0.5, 0.5]);
  expect(ratioOf(found, "core-seconds, training")).toBeCloseTo(1 / 3, 12);
  expect(ratioOf(found, "core-seconds, sweeps")).toBeNull();
});

test("ledgers of different machines compare operations alone", () => {
  const found = ledgerRows(cost(30, ["training"], "P, avx2"), cost(60, ["training"], "Q, avx512"));
  expect(found.isSameMachine).toBe(false);
  expect(["core-seconds", "GFLOP", "Wh", "USD"].map(name => ratioOf(found, name))).toEqual([null, 0.5, null, null]);
});
