/** What mistakes cost chooses a threshold of a model that is kept, and nothing of a trial, which probabilities judge. */
import { expect, test } from "vitest";
import { lifeOf } from "../life.ts";
import { type ProjectFile, parseProject } from "../project-file.ts";
import { trialKind } from "./trial-links.ts";

const project = (costs: string): ProjectFile => ({
  folder: "/nowhere",
  file: "/nowhere/loam.yaml",
  config: parseProject(
    `data:
  mail: { source: { folder: texts, reader: text }, steps: [clean], split: { heldOut: 0.2 } }
tokenizer: { vocab: 300, from: mail }
models:
  small: { layers: 1, width: 16, heads: 2, context: 32, train: { on: mail, tokens: 4k, rate: 0.01 } }
  topics: { base: small, tune: { task: classify, on: mail, label: topic${costs} } }
`,
    "loam.yaml",
  ),
});
const [plain, costly] = [project(""), project(", costs: { positive: spam, falsePositive: 5, falseNegative: 1 }")];
const around = { onProblem: () => {} };
const labels = (links: readonly { readonly label: string }[]) => links.map(l => l.label);

test("with costs a model is the tuned one with their threshold, which is what is evaluated", () => {
  const life = lifeOf(costly, "topics", around);
  expect(labels(life)).toEqual(labels(lifeOf(plain, "topics", around)).toSpliced(labels(life).indexOf("fit/topics"), 0, "fit/topics"));
  expect(life.find(l => l.label === "topics")!.inputs).toEqual({ tuned: "fit/topics" });
  expect(life.find(l => l.label === "evaluate/topics")!.inputs.model).toBe("topics");
});

test("a trial of it is the trial of the same tuning without them", () => {
  const kinds = [plain, costly].map(usual => trialKind({ usual, varies: ["tune.rate"] }, "topics", around));
  const [want, got] = kinds.map(({ links, trained, judged }) => ({ links: labels(links), trained: trained.inputs, judged }));
  expect(got).toEqual(want);
  expect(got!.trained).toEqual({ base: "small", documents: expect.any(String) });
});
