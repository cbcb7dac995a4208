/** Which end-to-end tests `npm test` runs without `--deep`. */
import { expect, test } from "vitest";
import { essential, isLifeTest, quickSeconds, quickTests, quickTestsHere } from "../scripts/parts/quick-tests.js";

test("files up to the bound run, those without a duration too, and of the longer ones those that are essential", () => {
  const [long] = Object.keys(essential);
  const files = ["test/new.test.ts", "test/short.test.ts", "test/long.test.ts", long!];
  const seconds = { "test/short.test.ts": quickSeconds, "test/long.test.ts": quickSeconds + 0.1, [long!]: 100 };
  expect(quickTests(files, seconds)).toEqual(["test/new.test.ts", "test/short.test.ts", long]);
});

test("an end-to-end test is a file of test/, or a .life.test.ts beside the source", () => {
  expect(["test/a.test.ts", "src/a/b.life.test.ts"].every(isLifeTest)).toBe(true);
  expect(["src/a/b.test.ts", "test/support/a.ts", "console/src/a.test.ts"].some(isLifeTest)).toBe(false);
});

test("in this clone every essential file is there, and neither side is empty", () => {
  const { all, quick } = quickTestsHere();
  for (const file of Object.keys(essential)) expect(quick).toContain(file);
  expect(quick.length).toBeGreaterThan(50);
  expect(all.length).toBeGreaterThan(quick.length);
  expect(quick.filter(f => !all.includes(f))).toEqual([]);
});
