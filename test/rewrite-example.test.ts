/** `examples/rewrite` from start to end in a small form: sentences, their split, a base, its tuning, the task with its baselines. */
import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, expect, test } from "vitest";
import { findProject } from "../src/project/project-file.ts";
import { jsonLines, loam } from "./support/child.ts";

const example = fileURLToPath(new URL("../examples/rewrite", import.meta.url));
let cwd: string;

/** The example's own file with a model and a recipe of seconds. */
function smaller(yaml: string): string {
  const changes: readonly (readonly [string, string])[] = [
    ["vocab: 4096", "vocab: 600"],
    ["layers: 3", "layers: 1"],
    ["width: 192", "width: 32"],
    ["heads: 3", "heads: 2"],
    ["hidden: 768", "hidden: 64"],
    ["tokens: 1M", "tokens: 20k"],
    ["evaluateEvery: 100", "evaluateEvery: 10"],
    ["sample: 1650", "sample: 60"],
    ["epochs: 6", "epochs: 2"],
    ["serve:", "device: { threads: 1 }\nserve:"],
  ];
  return changes.reduce((text, [from, to]) => {
    expect(text).toContain(from);
    return text.replace(from, to);
  }, yaml);
}

beforeAll(() => {
  cwd = mkdtempSync(join(tmpdir(), "loam-rewrite-"));
  execFileSync(process.execPath, [join(example, "make-sentences.js"), "--texts", "12", "--to", join(cwd, "data")], { stdio: "ignore" });
  cpSync(join(example, "tasks"), join(cwd, "tasks"), { recursive: true });
  writeFileSync(join(cwd, "loam.yaml"), smaller(readFileSync(join(example, "loam.yaml"), "utf8")));
  return () => rmSync(cwd, { recursive: true, force: true });
});

test("its project file is right, and its sentences are those of the corpus, without tags", () => {
  expect(findProject(example).config.name).toBe("rewrite");
  const sentences = readFileSync(join(cwd, "data", "sentences.jsonl"), "utf8")
    .trim()
    .split("\n");
  const read = sentences.map(line => JSON.parse(line) as { id: string; text: string; source: string });
  expect(new Set(read.map(s => s.source)).size).toBe(12);
  expect(new Set(read.map(s => s.id)).size).toBe(read.length);
  for (const { text } of read) {
    expect(text).toMatch(/[.?!]"?$/);
    expect(text).not.toMatch(/\b(the\/at|of\/in|and\/cc)\b/);
  }
});

test("a task whose data set is not made yet says what makes it", async () => {
  const early = await loam(["eval", "restore", "--model", "restore-small"], { cwd });
  expect(early.code).toBe(2);
  expect(early.stderr).toMatch(/data\/brown: expected curated documents, got none yet\. `loam data run brown` makes them\./);
});

test("the tuned model answers held-out sentences, beside a copy and a table of words, item by item", async () => {
  const tuned = await loam(["tune", "restore-small"], { cwd });
  expect(tuned.code, tuned.stderr).toBe(0);
  const told = /validation loss ([\d.]+) -> ([\d.]+)/.exec(tuned.stdout + tuned.stderr)!;
  expect(Number(told[2])).toBeLessThan(Number(told[1]));

  const { code, stdout, stderr } = await loam(["eval", "restore", "--model", "restore-small", "--limit", "20", "--json"], { cwd });
  expect(code, stderr).toBe(0);
  const { tasks } = jsonLines(stdout).at(-1) as unknown as { tasks: Report[] };
  const report = tasks[0]!;
  expect(report.items).toBe(20);
  const figures = (scores: readonly Figure[]) => Object.fromEntries(scores.map(s => [s.metric, s.value]));
  const [copy, rule] = report.baselines.map(b => figures(b.scores));
  expect(report.baselines.map(b => b.name)).toEqual(["copy", "rule"]);
  // no sentence is without a capital and a mark; case and marks are all that a copy lacks
  expect(copy!["exact-match"]).toBe(0);
  expect(copy!.cer).toBeLessThan(0.2);
  expect(rule!["token-f1-cased"]).toBeGreaterThan(copy!["token-f1-cased"]!);
  expect(rule!.cer).toBeLessThan(copy!.cer!);
  const model = figures(report.scores);
  for (const { name, differences } of report.baselines)
    for (const d of differences) {
      const other = figures(report.baselines.find(b => b.name === name)!.scores);
      expect(d.value, `${name} ${d.metric}`).toBeCloseTo(model[d.metric]! - other[d.metric]!, 12);
      expect(d.pHolm).toBeGreaterThanOrEqual(d.p);
    }
  // the same again is read from the record
  const again = await loam(["eval", "restore", "--model", "restore-small", "--limit", "20"], { cwd });
  expect(again.stdout + again.stderr).toMatch(/stored/);
  expect(again.stdout + again.stderr).toMatch(/beside rule, which needs no model:/);
  // what the data set gave is in the lineage of the model
  const lineage = await loam(["trace", "restore-small@latest"], { cwd });
  expect(lineage.stdout + lineage.stderr).toMatch(/documents-/);
});

interface Figure {
  readonly metric: string;
  readonly value: number;
}
interface Report {
  readonly items: number;
  readonly scores: readonly Figure[];
  readonly baselines: readonly {
    readonly name: string;
    readonly scores: readonly Figure[];
    readonly differences: readonly (Figure & { readonly p: number; readonly pHolm: number })[];
  }[];
}
