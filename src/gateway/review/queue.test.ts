import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { krippendorffAlpha } from "../../statistics/index.ts";
import { openState } from "../state/state.ts";
import { reviewAgreement } from "./agreement.ts";
import { reviewLaws } from "./queue.laws.ts";

const folder = mkdtempSync(join(tmpdir(), "loam-review-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("in memory", () => reviewLaws(() => openState({ url: "memory:", root: folder })));
describe("in a SQLite file", () => reviewLaws(name => openState({ url: `sqlite:${name}.db`, root: folder })));

test("Krippendorff's alpha is that of his example of four coders (2011, nominal: 0.743)", () => {
  const coders = ["123321412...", "1233224125.3", ".3332342251.", "12332441251."].map(c => [...c]);
  const table = Array.from({ length: 12 }, (_, i) => ["1", "2", "3", "4", "5"].map(c => coders.filter(one => one[i] === c).length));
  expect(krippendorffAlpha(table)).toBeCloseTo(0.743, 3);
});

test("agreement is of cases that two or more voted on", () => {
  const vote = (reviewer: string, decision: "approve" | "refuse") => ({ round: 1, reviewer, decision, category: null, atMs: 0 });
  const votes = new Map([
    ["1", [vote("a", "approve"), vote("b", "approve")]],
    ["2", [vote("a", "refuse"), vote("b", "refuse")]],
    ["3", [vote("a", "approve"), vote("b", "refuse"), vote("c", "refuse")]],
    ["4", [vote("a", "approve")]],
  ]);
  const agreement = reviewAgreement(votes);
  expect(agreement.cases).toBe(3);
  expect(agreement.pairs.find(p => p.reviewers.join() === "a,b")).toMatchObject({ cases: 3, kappa: expect.closeTo(0.4, 6) });
  expect(agreement.reviewers).toContainEqual({ reviewer: "a", votes: 4 });
  expect(reviewAgreement(new Map())).toMatchObject({ cases: 0, alpha: null, pairs: [] });
});
