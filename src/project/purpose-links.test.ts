import { expect, test } from "vitest";
import { lifeOf } from "./life.ts";
import { checkProject } from "./project-file.ts";

const config = (purpose: object) => ({
  data: { mail: { source: { folder: "mail", reader: "jsonl" } }, other: { source: { folder: "other", reader: "jsonl" } } },
  tokenizer: { vocab: 300, from: "other" },
  models: {
    base: { layers: 1, width: 32, heads: 2, context: 32, train: { on: "mail", tokens: 4000, rate: 0.02 } },
    risk: { base: "base", ...purpose, tune: { task: "classify", on: "mail", label: "label" } },
  },
});
const linksOf = (purpose: object) => {
  const p = { folder: "/nowhere", file: "/nowhere/loam.yaml", config: checkProject(config(purpose), "loam.yaml") };
  return lifeOf(p, "risk", { onProblem: () => {} });
};

test("what a tuned model is made of and judged by reads documents of its purpose; its base is as it was", () => {
  const [plain, checked] = [linksOf({}), linksOf({ purpose: "support" })];
  const made = plain.findIndex(l => l.label === "base") + 1;
  expect(checked.slice(0, made).map(l => [l.label, l.inputs])).toEqual(plain.slice(0, made).map(l => [l.label, l.inputs]));
  const own = checked.slice(checked.findIndex(l => l.label === "purpose/risk"));
  expect(own[0]!.inputs).toEqual({ documents: "data/mail" });
  expect(own.slice(1).flatMap(l => Object.values(l.inputs))).not.toContain("data/mail");
  expect(own.slice(1).some(l => l.inputs.documents === "purpose/risk")).toBe(true);
  // every input is made by a link before it
  for (const [i, l] of checked.entries())
    for (const from of Object.values(l.inputs)) expect(checked.slice(0, i).map(before => before.label)).toContain(from);
  expect(new Set(checked.map(l => l.label)).size).toBe(checked.length);
});
