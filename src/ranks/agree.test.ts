import { expect, test } from "vitest";
import { agree, memoryGroups } from "./index.ts";

const outcomes = (facts: readonly Readonly<Record<string, string>>[]) =>
  Promise.allSettled(memoryGroups(facts.length).map((g, i) => agree(g, facts[i]!)));

test("ranks that have the same code, recipe and data agree", async () => {
  const facts = { code: "c1", recipe: "r1", data: "d1" };
  expect((await outcomes([facts, { ...facts }, { ...facts }])).map(o => o.status)).toEqual(["fulfilled", "fulfilled", "fulfilled"]);
});

test("a rank that differs from most is named on all, with what differs and both values", async () => {
  const facts = { code: "c1", data: "d1" };
  for (const o of await outcomes([{ ...facts, data: "d2" }, facts, facts]))
    expect(o).toMatchObject({
      reason: { code: "ranks/disagree", message: expect.stringContaining("data: rank 0 has d2, not d1.") },
    });
});

test("of two that differ rank 0 counts as right; a fact that one has not is a difference", async () => {
  const [first] = await outcomes([{ code: "c1", data: "d1" }, { code: "c2" }]);
  expect(first).toMatchObject({
    reason: { message: expect.stringContaining("code: rank 1 has c2, not c1; data: rank 1 has nothing, not d1.") },
  });
});
