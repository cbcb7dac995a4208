/** Tasks of programs from file to figure. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { evaluateTask } from "../evaluate-task.ts";
import { rememberedAnswers } from "../models/kept-answers.ts";
import type { EvaluatedModel } from "../models/model.ts";
import { headOf } from "../results/item.ts";
import { measureOf } from "../results/measures.ts";
import { scoreOf } from "../results/score.ts";
import { readTask } from "../tasks/read-task.ts";

const folder = mkdtempSync(join(tmpdir(), "loam-code-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const items = [
  { name: "add", prompt: "// The sum of a and b.\nfunction add(a, b) {\n", tests: "function check(f) { assert.equal(f(1, 2), 3); }" },
  { name: "double", prompt: "// Twice n.\nfunction double(n) {\n", tests: "assert.deepEqual([0, 1, 2].map(double), [0, 2, 4]);" },
];
writeFileSync(join(folder, "items.jsonl"), items.map(i => `${JSON.stringify(i)}\n`).join(""));
const yaml = `
task: small
data: { test: items.jsonl }
id: name
prompt: prompt
output: code
code: { tests: tests, entryPoint: name, timeMs: 1000 }
generate: { samples: 5, temperature: 0.8, read: [code-block] }
metrics: [pass@1, pass@3]
`;
const write = (text: string) => {
  const path = join(folder, "task.yaml");
  writeFileSync(path, text);
  return readTask(path);
};
/** Answers of an item by the function's name. */
const says = (answers: Readonly<Record<string, readonly string[]>>): EvaluatedModel => ({
  id: "says",
  fingerprint: "says",
  async generate(requests, each) {
    for (const [i, r] of requests.entries()) each(i, { texts: answers[/function (\w+)/.exec(r.prompt)![1]!]!, tokens: 1, ms: 1 });
  },
});

test("answers are run with their prompt and tests; pass@k is the mean over items", async () => {
  const loaded = await write(yaml);
  const right = "  return a + b;\n}";
  const { items: got } = await evaluateTask({
    loaded,
    answers: rememberedAnswers(),
    model: says({
      add: [right, "  for (;;) {}\n}", `\`\`\`js\n${right}\n\`\`\`\nThat is it.`, "  return a;\n}", "  return"],
      double: Array.from({ length: 5 }, () => "  return 2 * n;\n}"),
    }),
  });
  expect(got.map(i => i.passed)).toEqual([[true, false, true, false, false], Array(5).fill(true)]);
  expect(got[0]!.failures!.map(f => f.split(":")[0])).toEqual(["", "timeout", "", "error", "error"]);
  expect(got[0]!.came).toMatch(/^2 of 5 pass; timeout/);
  const figure = (name: string) => scoreOf(measureOf(name, headOf(loaded.task)), got);
  expect(figure("pass@1").value).toBeCloseTo((2 / 5 + 1) / 2, 12);
  // of the ten threes of five, one holds neither of the two right ones
  expect(figure("pass@3").value).toBeCloseTo((1 - 1 / 10 + 1) / 2, 12);
  expect(() => figure("pass@6")).toThrow("k from 1 to 5");
});

test("one answer an item: a share, with the interval of one", async () => {
  const loaded = await write(yaml.replace("samples: 5, ", "").replace(", pass@3", ""));
  const { items: got } = await evaluateTask({
    loaded,
    answers: rememberedAnswers(),
    model: says({ add: ["return a + b }"], double: ["return n + n }"] }),
  });
  const score = scoreOf(measureOf("pass@1", headOf(loaded.task)), got);
  expect(score).toMatchObject({ value: 1, interval: "wilson" });
  expect(score.low).toBeLessThan(0.5);
});

test("in a chat the answer is the whole program, unless the task says otherwise", async () => {
  const model: EvaluatedModel = {
    id: "chat",
    fingerprint: "chat",
    async generate(requests, each) {
      for (const [i, r] of requests.entries()) {
        const [, name] = /function (\w+)/.exec(r.messages!.at(-1)!.content)!;
        each(i, { texts: [`Sure!\n\`\`\`js\nconst ${name} = (a, b = a) => a + b;\n\`\`\`\n`], tokens: 1, ms: 1 });
      }
    },
  };
  const loaded = await write(`${yaml.replace("samples: 5, ", "").replace(", pass@3", "")}chat: true\n`);
  const { items: got } = await evaluateTask({ loaded, answers: rememberedAnswers(), model });
  expect(got.map(i => i.passed)).toEqual([[true], [true]]);
});

test.each([
  [yaml.replace("pass@3", "pass@7"), "generate.samples (5)"],
  [yaml.replace("tests: tests", "tests: test"), 'Did you mean "tests"?'],
  [yaml.replace("entryPoint: name", "entryPoint: tests"), "the name of a function"],
  [yaml.replace(/code: .*\n/, ""), "code.tests"],
  [yaml.replace("output: code", "output: generate_until\ntarget: name"), "the output code"],
  [yaml.replace("pass@3", "pas@1"), 'Did you mean "pass@1"?'],
] as const)("%# a task of programs that is wrong is told so by place", async (text, message) => {
  const run = async () => {
    const loaded = await write(text);
    const { items: got } = await evaluateTask({ loaded, answers: rememberedAnswers(), model: says({ add: ["}"], double: ["}"] }) });
    for (const m of loaded.task.metrics!) measureOf(m, headOf(loaded.task)).prepare(got);
  };
  await expect(run()).rejects.toThrow(message);
});
