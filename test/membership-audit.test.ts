/** A classifier that has memorised its training texts is found by the membership audit of its tuning, and a release refuses it by the figure. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { random } from "../src/base/index.ts";
import { jsonLines, loam } from "./support/child.ts";
import { temporaryFolder, toyBase } from "./support/project.ts";

/** Tuned for long, or so little that it can have learnt nothing of one text. */
const long = "epochs: 80, rate: 0.01";
const short = "epochs: 1, rate: 1.0e-6";
const yaml = (recipe: string, most: number) => `name: audit
data:
  notes:
    source: { folder: notes, reader: csv }
    steps: [clean]
    split: { heldOut: { split: test } }
tokenizer: { vocab: 400, from: notes }
models:
${toyBase("notes")}
  mood:
    base: toy
    tune: { task: classify, on: notes, label: mood, length: 60, ${recipe}, pooling: mean, validation: { split: dev }, allowCrossing: true,
            select: loss, patience: 0, baselines: [majority], membership: {} }
releases:
  prod: { requires: ["membershipAuc <= ${most}"] }
device: { threads: 1 }
`;

/** Labels are drawn: nothing but memory tells them. The texts that select repeat training texts, so the weights that remember most are kept. */
function notes(folder: string): void {
  const r = random("audit");
  const syllables = ["ka", "lo", "mi", "ne", "pu", "ra", "so", "ti", "vu", "ze"];
  const word = () => syllables[r.below(10)]! + syllables[r.below(10)]! + syllables[r.below(10)]!;
  const drawn = (split: string, count: number) =>
    Array.from({ length: count }, () => ({ text: Array.from({ length: 8 }, word).join(" "), mood: r.below(2) ? "glad" : "low", split }));
  const train = drawn("train", 120);
  const all = [...train, ...train.slice(0, 60).map(row => ({ ...row, split: "dev" })), ...drawn("test", 160)];
  mkdirSync(join(folder, "notes"));
  writeFileSync(
    join(folder, "notes", "notes.csv"),
    `text,mood,split\n${all.map(row => `${row.text},${row.mood},${row.split}`).join("\n")}\n`,
  );
}

test("a classifier that memorised its training texts is found and refused by a release; one at chance is released", async () => {
  const cwd = temporaryFolder("membership-audit");
  notes(cwd);
  const run = async (...args: string[]) => {
    const { code, stdout, stderr } = await loam([...args, "--json"], { cwd });
    return { code, said: stderr + stdout, result: jsonLines(stdout).at(-1) as Record<string, unknown> };
  };
  writeFileSync(join(cwd, "loam.yaml"), yaml(long, 0.6));
  const tuned = await run("tune", "mood");
  expect(tuned.code, tuned.said).toBe(0);
  expect(tuned.said).toMatch(/membership AUC 0\.\d{3} \[0\.\d{3}, \d\.\d{3}\] of 120 training texts beside \d+ held-out ones/);
  const refused = await run("models", "promote", "mood@1", "prod");
  expect(refused.code).toBe(1);
  const factsOf = async (version: string) => ((await run("models", "show", version)).result as { facts: Record<string, number> }).facts;
  const facts = await factsOf("mood@1");
  expect(facts.membershipAucLow, JSON.stringify(facts)).toBeGreaterThan(0.6);
  expect(facts.membershipFoundAtTenth).toBeGreaterThan(0.2);
  expect(JSON.stringify(refused.result)).toMatch(/membershipAuc/);

  // one that has learnt nothing of a single text is at chance, and passes
  writeFileSync(join(cwd, "loam.yaml"), yaml(short, 0.6));
  const brief = await run("tune", "mood");
  expect(brief.code, brief.said).toBe(0);
  const unlearnt = await factsOf("mood@2");
  expect(unlearnt.membershipAucLow, JSON.stringify(unlearnt)).toBeLessThan(0.5);
  expect(unlearnt.membershipAuc).toBeLessThan(0.6);
  const passed = await run("models", "promote", "mood@2", "prod");
  expect(passed.code, passed.said).toBe(0);
});
