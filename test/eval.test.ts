/** `loam eval` as a user starts it: exit codes, conditions both ways, kills in the middle, and the same model behind a server of its own. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { letters } from "../src/cli/init/letters.ts";
import { build, type Ended, jsonLines, loam, start } from "./support/child.ts";
import { temporaryFolder, writeToy } from "./support/project.ts";

let cwd: string;

const texts = letters(60, "toy");
/** Items of a few words, from the so manieth on: a context of 32 tokens holds them. */
const items = (count: number, first = 0) =>
  Array.from({ length: count }, (_, i) => {
    const words = texts[i % texts.length]!.split(/\s+/);
    const at = first + 2 * Math.floor(i / texts.length);
    const [start, right] = [words.slice(at, at + 2).join(" "), words[at + 2]!];
    return JSON.stringify({ n: i, start, endings: [right, "zzgq", "Xylo"], right: 0, kind: i % 2 ? "odd" : "even" });
  }).join("\n");

const task = (name: string, more: string) =>
  `task: ${name}\ndata: { test: ${name === "many" ? "many" : "few"}.jsonl }\nid: n\nprompt: start\n${more}`;
const tasks = {
  ends: task("ends", "output: multiple_choice\nchoices: endings\ntarget: right\nslices: [kind]\n"),
  many: task("many", "output: multiple_choice\nchoices: endings\ntarget: right\n"),
  next: task("next", 'output: loglikelihood\ntarget: "{{endings[0]}}"\n'),
  text: 'task: text\ndata: { test: few.jsonl }\nid: n\noutput: loglikelihood_rolling\ntarget: "{{start}} {{endings[0]}}"\n',
  writes: task("writes", 'output: generate_until\ntarget: "{{endings[0]}}"\ngenerate: { maxTokens: 6, stop: [" "] }\n'),
};

beforeAll(async () => {
  build();
  cwd = writeToy(mkdtempSync(join(tmpdir(), "loam-eval-")));
  mkdirSync(join(cwd, "tasks"));
  writeFileSync(join(cwd, "tasks", "few.jsonl"), items(24));
  writeFileSync(join(cwd, "tasks", "many.jsonl"), items(1200, 1));
  for (const [name, yaml] of Object.entries(tasks)) writeFileSync(join(cwd, "tasks", `${name}.yaml`), yaml);
  const { code, stderr } = await loam(["run"], { cwd });
  expect(code, stderr).toBe(0);
  return () => rmSync(cwd, { recursive: true, force: true });
});

interface Document {
  readonly tasks: readonly {
    readonly task: string;
    readonly items: number;
    readonly isKnown: boolean;
    readonly kept: number;
    readonly scores: readonly { readonly metric: string; readonly value: number; readonly low: number; readonly high: number }[];
    readonly slices: readonly { readonly group: string; readonly items: number }[];
    readonly comparison?: { readonly differences: readonly { readonly metric: string; readonly value: number; readonly p: number }[] };
  }[];
  readonly gates: readonly { readonly fails: boolean; readonly evidence: string }[];
  readonly failed: number;
}
const documentOf = ({ stdout }: Ended): Document => jsonLines(stdout).find(line => "tasks" in line) as unknown as Document;
const evaluate = (...args: string[]) => loam(["eval", ...args, "--json"], { cwd });

test("figures with intervals once, and from the record the second time", async () => {
  const first = await evaluate("ends", "next", "text");
  expect(first.code, first.stderr).toBe(0);
  const { tasks: made, failed } = documentOf(first);
  expect(made.map(t => [t.task, t.items, t.isKnown])).toEqual([
    ["ends", 24, false],
    ["next", 24, false],
    ["text", 24, false],
  ]);
  const acc = made[0]!.scores[0]!;
  // a model of these letters knows their words from words of nobody
  expect(acc).toMatchObject({ metric: "acc" });
  expect(acc.value).toBeGreaterThan(0.6);
  expect(acc.low).toBeLessThan(acc.value);
  expect(made[0]!.slices.map(s => [s.group, s.items])).toEqual([
    ["even", 12],
    ["odd", 12],
  ]);
  expect(failed).toBe(0);
  const second = documentOf(await evaluate("ends", "next", "text"));
  expect(second.tasks.map(t => t.isKnown)).toEqual([true, true, true]);
  expect(second.tasks.map(t => t.scores)).toEqual(made.map(t => t.scores));
});

test("a condition that holds ends with 1 and the whole document, one that does not with 0, one that is none with 2", async () => {
  const holds = await evaluate("ends", "--fail-if", "acc > 0.1");
  expect(holds.code).toBe(1);
  expect(documentOf(holds)).toMatchObject({ failed: 1, gates: [{ fails: true, evidence: "shown" }] });
  expect(holds.stderr + holds.stdout).toContain('\\"acc > 0.1\\" holds');
  const not = await evaluate("ends", "--fail-if", "acc < 0.1");
  expect([not.code, documentOf(not).failed]).toEqual([0, 0]);
  const both = await evaluate("ends", "--fail-if", "acc < 0.1", "--fail-if", "acc > 0.1");
  expect([both.code, documentOf(both).failed]).toEqual([1, 1]);
  // its own figure is what no number of items decides: which error is meant is the caller's choice
  const against = ["ends", "--against", "toy@latest", "--fail-if"];
  expect((await evaluate(...against, "acc < against.acc")).code).toBe(0);
  for (const [wrong, says] of [
    ["acc <", "--fail-if"],
    ["ac < 0.1", 'Did you mean \\"acc\\"'],
    ["acc < against.acc", "--against"],
  ] as const) {
    const { code, stdout, stderr } = await evaluate("ends", "--fail-if", wrong);
    expect([wrong, code]).toEqual([wrong, 2]);
    expect(stdout + stderr).toContain(says);
  }
  expect((await evaluate("endz")).stdout).toContain('Did you mean \\"ends\\"');
});

test("killed in the middle, an evaluation goes on with the answers that it had and ends with the same figures", async () => {
  const folder = temporaryFolder("answers");
  const answers = join(cwd, ".loam", "answers");
  const lines = () => {
    try {
      return readdirSync(answers).reduce((n, f) => n + readFileSync(join(answers, f), "utf8").split("\n").length - 1, 0);
    } catch {
      return 0;
    }
  };
  const before = lines();
  const run = start(["eval", "many", "--json"], { cwd });
  await run.says(/"message":"many: ([1-9]\d*) of 1[,.]?200 items/);
  run.kill("SIGKILL");
  const killed = await run.ended;
  expect(killed.signal).toBe("SIGKILL");
  expect(killed.stdout).not.toContain('"tasks"');
  const saved = lines() - before;
  expect(saved).toBeGreaterThan(0);
  expect(saved).toBeLessThan(1200);

  const again = await evaluate("many");
  expect(again.code, again.stderr).toBe(0);
  const [done] = documentOf(again).tasks;
  // a line that the kill has torn is asked again
  expect(done!.kept).toBeGreaterThanOrEqual(saved - 1);
  expect(done!.kept).toBeLessThan(1200);
  const report = join(folder, "report.html");
  const fresh = documentOf(await evaluate("many", "--fresh", "--report", report)).tasks[0]!;
  expect(fresh).toMatchObject({ isKnown: false, kept: 0, items: 1200 });
  // rows of other shapes sum in another order: figures that count are equal
  expect(fresh.scores).toEqual(done!.scores);
  expect(readFileSync(report, "utf8")).toContain("many");
});

test("behind a server of its own, the same model has the same scores and writes the same", async () => {
  const server = start(["serve", "toy@latest", "--port", "0", "--json"], { cwd });
  const [line] = await server.says(/\{"event":"serving".*\}/);
  const { url, model } = JSON.parse(line) as { url: string; model: string };
  const names = ["ends", "next", "text", "writes"];
  const local = documentOf(await evaluate(...names)).tasks;
  const ended = await evaluate(...names, "--model", `${url}/v1#${model}`, "--against", "toy@latest");
  expect(ended.code, ended.stderr).toBe(0);
  for (const [i, remote] of documentOf(ended).tasks.entries()) {
    expect(remote.task).toBe(local[i]!.task);
    for (const [k, { metric, value }] of remote.scores.entries()) {
      expect(metric).toBe(local[i]!.scores[k]!.metric);
      // float32 sums in another order
      expect(Math.abs(value / local[i]!.scores[k]!.value - 1) || 0, `${remote.task} ${metric}`).toBeLessThan(1e-4);
    }
    for (const d of remote.comparison!.differences.filter(d => ["acc", "acc_norm", "exact-match"].includes(d.metric)))
      expect(d, remote.task).toMatchObject({ value: 0, p: 1 });
  }
  const nobody = await evaluate("ends", "--model", `${url}/v1#nobody`);
  expect(nobody.code).not.toBe(0);
  expect(nobody.stdout).toContain("nobody");
  server.kill("SIGTERM");
  await server.ended;
  const gone = await evaluate("next", "--fresh", "--limit", "2", "--model", `${url}/v1#${model}`);
  expect(gone.code).not.toBe(0);
  expect(gone.stdout).toContain("evaluate/endpoint");
});
