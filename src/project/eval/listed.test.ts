import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { openArtifact, openStore, registerVersion, runStage, type Store, stage } from "../../store/index.ts";
import { listedEvaluations } from "./listed.ts";

const root = mkdtempSync(join(tmpdir(), "loam-listed-"));
let store: Store;
const any = z.looseObject({});

/** An artifact of a kind with these files, of a model. */
async function kept(kind: string, files: Readonly<Record<string, string>>, options: object = {}, model?: string): Promise<string> {
  const from: Readonly<Record<string, string>> = model === undefined ? {} : { model: "model" };
  const made = stage({
    name: kind,
    version: 1,
    inputs: from,
    options: any,
    output: kind,
    async run({ output }) {
      for (const [name, text] of Object.entries(files)) await output.write(name, text);
      return { model: "http://other/v1#big" };
    },
  });
  const inputs = model === undefined ? {} : { model: await openArtifact(store, model) };
  return (await runStage(store, made, { inputs: inputs as never, options: options as never })).artifact.id;
}

const item = (id: string, isRight: boolean) => ({
  id,
  place: `f:${id}`,
  prompt: id,
  right: "a",
  came: isRight ? "a" : "b",
  attributes: {},
  choices: ["a", "b"],
  gold: [0],
  logLikelihoods: isRight ? [-0.1, -3] : [-3, -0.1],
  bytes: [1, 1],
  letters: [1, 1],
  isGreedy: isRight,
});
const items = (right: number) => Array.from({ length: 10 }, (_, i) => `${JSON.stringify(item(`i${i}`, i < right))}\n`).join("");
const head = JSON.stringify({ format: 1, task: "spam", output: "multiple_choice", metrics: ["acc"] });

beforeAll(async () => {
  store = await openStore({ root });
  const model = await kept("model", { "weights.bin": "x" });
  await registerVersion(store, "mail", model, {});
  await kept("task-result", { "items.jsonl": items(7), "result.json": head }, { task: "spam" }, model);
  await kept("task-result", { "items.jsonl": items(4), "result.json": head }, { task: "spam", variant: "typos" }, model);
  await kept("task-result", { "items.jsonl": items(9), "result.json": head }, { task: "spam", model: "endpoint" });
  const scores = [
    { name: "mail", kind: "model", bitsPerByte: 1.5 },
    { name: "gzip", kind: "baseline", bitsPerByte: 3 },
  ];
  const bits = { task: "bits-per-byte", model: { artifact: model, name: "mail" }, heldOut: { documents: 3, bytes: 9, tokens: 9 }, scores };
  await kept("evaluation", { "report.json": JSON.stringify(bits) }, { name: "mail" }, model);
  const folds = { task: "cross-validation", systems: [{ name: "mail", kind: "model", measures: { macroF1: { mean: 0.8 } } }] };
  await kept("cross-validation", { "report.json": JSON.stringify(folds) }, {}, model);
});
afterAll(async () => {
  await store.close();
  rmSync(root, { recursive: true, force: true });
});

test("every kind is listed with its main figure and its model: of versions, of endpoints, bits per byte and folds too", async () => {
  const list = listedEvaluations(store);
  const found = await list();
  const rows = found.map(e => [e.kind, e.task, e.model, e.scores[0]!.metric, e.scores[0]!.value, e.items, e.hasItems]);
  expect(rows.sort((a, b) => (String(a) < String(b) ? -1 : 1))).toEqual([
    ["bits per byte", "bits-per-byte", "mail@1", "bits per byte", 1.5, 3, false],
    ["cross-validation", "cross-validation", "mail@1", "macroF1", 0.8, null, false],
    ["task", "spam", "http://other/v1#big", "acc", 0.9, 10, true],
    ["task", "spam", "mail@1", "acc", 0.7, 10, true],
    ["variant", "spam", "mail@1", "acc", 0.4, 10, true],
  ]);
  expect(found.find(e => e.kind === "variant")?.variant).toBe("typos");
  expect(found.filter(e => e.version === null).map(e => e.modelArtifact)).toEqual([null]);
  expect(found.map(e => e.atMs)).toEqual(found.map(e => e.atMs).toSorted((a, b) => b - a));
  // asked again, it is the same
  expect(await list()).toEqual(found);
});
