/**
 * The test suites of other servers and clients against `loam serve`, as `npm run bench -- suites` runs them: no test fails that is not on the list
 * of expected failures. Their sources and their environment lie in the folder LOAM_SUITES (.ci/run fetches them), the models in LOAM_MODELS.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { expectedFile, judge, reasonOf, type TestRow } from "../bench/suites/judge.ts";
import { type Suite, suites } from "../bench/suites/list.ts";
import { runSuite } from "../bench/suites/run-suite.ts";
import { root } from "./support/child.ts";
import { deepTest } from "./support/deep.ts";

const row = (id: string, outcome: TestRow["outcome"]): TestRow => ({ id, outcome, reason: "", seconds: 0 });
const none = { expected: {}, excluded: {}, skipped: 0 };

describe("the verdict of a suite", () => {
  test("a failure that is not on the list breaks it; one that is counts to its share", () => {
    const rows = [row("a.py::one", "passed"), row("a.py::two[x]", "failed"), row("a.py::three", "failed")];
    const list = { ...none, expected: { "a.py::two": "another tokenizer" } };
    expect(judge(rows, list, 0.5)).toMatchObject({ passed: 1, failed: 2, expected: 1, holds: false, unexpected: [{ id: "a.py::three" }] });
    expect(judge(rows.slice(0, 2), list, 0.5)).toMatchObject({ holds: true, share: 0.5 });
    expect(judge(rows.slice(0, 2), list, 0.4).holds).toBe(false);
  });

  test("what is on the list and passes is named; what is excluded counts nowhere", () => {
    const rows = [row("a.py::one", "passed"), row("b.py::two", "failed"), row("c.py::three", "passed")];
    const list = { expected: { "a.py::one": "slow" }, excluded: { "b.py": "vision" }, skipped: 0 };
    expect(judge(rows, list, 0)).toMatchObject({ passed: 2, failed: 0, excluded: 1, mended: ["a.py::one"], holds: true });
  });

  test("tests that skip themselves beyond the list's number, and a suite without tests, break it", () => {
    expect(judge([row("a.py::one", "passed"), row("a.py::two", "excluded")], none, 0).holds).toBe(false);
    expect(judge([row("a.py::one", "passed"), row("a.py::two", "excluded")], { ...none, skipped: 1 }, 0).holds).toBe(true);
    expect(judge([], none, 0).holds).toBe(false);
  });

  test("a reason stands for a test, for all parameters of a function, or for a file", () => {
    const reasons = { "a.py": "file", "b.py::f": "function", "b.py::g[1::2]": "test" };
    expect(["a.py::x[1]", "b.py::f[1]", "b.py::g[1::2]", "b.py::g[2]"].map(id => reasonOf(id, reasons))).toEqual([
      "file",
      "function",
      "test",
      undefined,
    ]);
  });
});

const listOf = (name: string) =>
  expectedFile.parse(JSON.parse(readFileSync(join(root, "bench", "suites", "expected", `${name}.json`), "utf8")));

test.each(Object.keys(suites))("%s: its list of expected failures can be read", name => {
  expect(() => listOf(name)).not.toThrow();
});

const missing = process.env.LOAM_SUITES
  ? process.env.LOAM_MODELS
    ? ""
    : (process.env.LOAM_MODELS_REASON ?? "LOAM_MODELS names no folder of models")
  : (process.env.LOAM_SUITES_REASON ?? "LOAM_SUITES names no folder of suites");
for (const [name, suite] of Object.entries(suites) as [keyof typeof suites, Suite][]) {
  if (!suite.isQuick) continue;
  if (missing !== "") test.skip(`${suite.about} (skipped: ${missing})`, () => {});
  else
    deepTest(`${suite.about}: every failure is expected`, async () => {
      const { unexpected, mended, skipped, passed } = await runSuite(name, { isQuiet: true });
      expect(unexpected.map(({ id, reason }) => `${id}: ${reason}`)).toEqual([]);
      expect(mended, "pass now: take them off the list").toEqual([]);
      expect(skipped).toBeLessThanOrEqual(listOf(name).skipped);
      expect(passed).toBeGreaterThan(0);
    });
}
