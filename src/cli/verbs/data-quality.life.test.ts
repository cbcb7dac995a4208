/** Learned quality and the effect of a step on a small project: from files to a trained classifier, curated data, and two sides of models. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { deepTest } from "../../../test/support/deep.ts";
import { random, readBytes } from "../../base/index.ts";
import { decodeQuality, type Effect, QualityScorer } from "../../data/index.ts";
import { createOutput } from "../output.ts";
import type { Options } from "../verb.ts";
import { dataEffect } from "./data-effect.ts";
import { dataQuality } from "./data-quality.ts";

const folder = mkdtempSync(join(tmpdir(), "loam-quality-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const draw = random("quality life");
const pick = (words: readonly string[]) => words[draw.below(words.length)]!;
const common = "the a of and it was on to for with that this we you they he she in at by".split(" ");
const sea = "harbour tide sail anchor wind boat shore wave island captain".split(" ");
/** Letters without sense: long, and of no use for foreseeing anything. */
const junk = () =>
  Array.from({ length: 160 }, () => Array.from({ length: 7 }, () => String.fromCharCode(97 + draw.below(26))).join("")).join(" ");
const story = () =>
  Array.from({ length: 60 }, () => {
    const thing = pick(sea);
    return `${pick(common)} ${thing} ${pick(common)} ${thing}`;
  }).join(" ");
for (const [kind, make] of [
  ["good", story],
  ["bad", junk],
] as const) {
  mkdirSync(join(folder, "texts", kind), { recursive: true });
  for (let i = 0; i < 60; i++) writeFileSync(join(folder, "texts", kind, `${i}.txt`), make());
}
writeFileSync(
  join(folder, "loam.yaml"),
  `
data:
  texts:
    source: { folder: texts, reader: text }
    steps: [clean]
    split: { heldOut: 0.2, by: document }
device: { threads: 1 }
tokenizer: { vocab: 300, from: texts }
models: { tiny: { layers: 1, width: 16, heads: 2, context: 32, train: { on: texts, tokens: 100, rate: 0.01 } } }
`,
);

/** Runs a verb; gives its result. */
async function result<T>(verb: typeof dataEffect, args: readonly (string | undefined)[], options: Options): Promise<T> {
  let text = "";
  const sink = {
    write(piece: string) {
      text += piece;
      return true;
    },
  } as NodeJS.WritableStream;
  const out = createOutput(true, { out: sink, err: { write: () => true } as never });
  await verb({ out, cwd: folder, signal: new AbortController().signal }, args, options);
  return JSON.parse(text.trim().split("\n").at(-1)!) as T;
}

test("a classifier trained from two folders tells texts apart and stands in a whole file", async () => {
  const trained = await result<{ file: string; report: { after: { auc: number } }; telling: { good: { text: string }[] } }>(
    dataQuality,
    ["train", undefined],
    { good: ["texts/good"], bad: ["texts/bad"], telling: "5" },
  );
  expect(trained.report.after.auc).toBe(1);
  expect(trained.telling.good.length).toBe(5);
  const scorer = new QualityScorer(decodeQuality(readBytes(trained.file), "quality.bin"));
  expect(scorer.score(story())).toBeGreaterThan(0.9);
  expect(scorer.score(junk())).toBeLessThan(0.1);
  const shown = await result<{ report: unknown }>(dataQuality, ["show", "models/quality.bin"], {});
  expect(shown.report).toEqual(trained.report);
});

test("mistakes are named: no examples, a value nobody has, another file", async () => {
  const fails = (args: readonly string[], options: Options) => result(dataQuality, args, { telling: "5", ...options });
  await expect(fails(["train"], { good: ["texts/good"] })).rejects.toThrow("--bad: expected a set of examples, got none");
  await expect(fails(["train"], { good: ["texts/god"], bad: ["texts/bad"] })).rejects.toThrow("no such file or folder");
  await expect(fails(["show", "loam.yaml"], {})).rejects.toThrow("loam.yaml: expected a quality model, got another file");
  await expect(fails(["retrain"], {})).rejects.toThrow('expected train or show, got "retrain"');
});

deepTest("a step that takes junk away helps on what it keeps", async () => {
  const options = { step: "length", set: ["maxBytes=1200"], seeds: "2", tokens: "16000", documents: "24" };
  const effect = await result<Effect & { documents: { without: number; with: number } }>(dataEffect, ["texts"], options);
  expect(effect.documents.with).toBeLessThan(effect.documents.without);
  expect(effect.kept!.high).toBeLessThan(0);
  expect(effect.kept!.documents).toBeLessThan(effect.all!.documents);
});
