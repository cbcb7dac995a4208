/** `loam eval --help` and docs/evaluation.md beside what the program takes: neither lacks a flag, an output or a measure, and neither has one too many. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { outputTypes, resultMeasureNames } from "../../evaluate/index.ts";
import { verbs } from "../verbs.ts";

const page = readFileSync(new URL("../../../docs/evaluation.md", import.meta.url), "utf8");
const verb = verbs.find(v => v.usage.startsWith("eval "))!;

test("the help's outputs are those that a task may have, and those of the page's table", () => {
  expect(verb.table!.rows.map(([output]) => output)).toEqual([...outputTypes]);
  const table = page.slice(page.indexOf("| output "));
  const told = [...table.slice(0, table.indexOf("\n\n")).matchAll(/^\| `([a-z_]+)` +\|/gm)].map(m => m[1]);
  expect(told.sort()).toEqual([...outputTypes].sort());
});

test("the page has every flag of the verb, and no other one of it", () => {
  const declared = verb.options.map(([flags]) => /--[a-z-]+/.exec(flags)![0]);
  // two are every verb's; the project's folder stands there in its short form
  const own = [...declared.filter(f => f !== "--project"), "--json", "--help"];
  const ofEval = page.replace(/^(?:npx )?loam (?!eval\b).*$/gm, "");
  const told = new Set([...ofEval.matchAll(/--[a-z][a-z-]*(?![a-z_-])/g)].map(m => m[0]));
  expect([...told].sort()).toEqual(own.sort());
  expect(page).toContain("-C ");
});

test("the page names every measure of every output", () => {
  const words = new Set([...page.matchAll(/`([^`\n]+)`/g)].flatMap(m => m[1]!.split(/[\s,]+/)));
  for (const output of outputTypes)
    for (const name of resultMeasureNames({
      task: "t",
      output,
      positive: "x",
      costs: { positive: "x", falsePositive: 1, falseNegative: 1 },
    })) {
      const counted = name.replace(/@\d+$/, "@k");
      expect(
        [...words].some(w => w === name || w === counted),
        `${output}: ${name}`,
      ).toBe(true);
    }
});
