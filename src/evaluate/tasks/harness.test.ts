import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { evaluateTask } from "../evaluate-task.ts";
import { rememberedAnswers } from "../models/kept-answers.ts";
import type { EvaluatedModel } from "../models/model.ts";
import { defaultMeasures, measureOf } from "../results/measures.ts";
import { taskQuestions } from "./ask.ts";
import { examplesAsTurns, parseTask, readTask } from "./read-task.ts";

interface Golden {
  readonly rows: readonly object[];
  readonly train: readonly object[];
  readonly tasks: Readonly<
    Record<
      string,
      {
        readonly yaml: string;
        readonly asked: readonly string[][][];
        readonly answers: readonly unknown[][];
        readonly results: Readonly<Record<string, number>>;
      }
    >
  >;
  readonly turns: Readonly<Record<string, { readonly system: string | null; readonly asked: readonly string[][][] }>>;
}
const golden = JSON.parse(readFileSync(new URL("golden/harness.golden.json", import.meta.url), "utf8")) as Golden;
const folder = mkdtempSync(join(tmpdir(), "loam-harness-"));
beforeAll(() => {
  for (const [name, list] of [
    ["test", golden.rows],
    ["train", golden.train],
  ] as const)
    writeFileSync(join(folder, `${name}.jsonl`), list.map(r => `${JSON.stringify(r)}\n`).join(""));
  for (const [name, { yaml }] of Object.entries(golden.tasks)) writeFileSync(join(folder, `${name}.yaml`), yaml);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

type Pair = readonly [number, boolean];

/** A model that gives the answers that the harness's dummy gave, item by item. */
const dummy = (answers: readonly unknown[][]): EvaluatedModel => ({
  id: "dummy",
  fingerprint: "dummy",
  async likelihood(requests, each) {
    for (const i of requests.keys()) {
      const pairs = answers[i]!.map(a => (a as readonly Pair[])[0]!);
      each(i, { choices: pairs.map(([logLikelihood, isGreedy]) => ({ logLikelihood, isGreedy })), ms: 1 });
    }
  },
  async rolling(requests, each) {
    for (const i of requests.keys()) each(i, { logLikelihood: (answers[i]![0] as readonly number[])[0]!, tokens: 1, ms: 1 });
  },
  async generate(requests, each) {
    for (const i of requests.keys()) each(i, { texts: [(answers[i]![0] as readonly string[])[0]!], tokens: 1, ms: 1 });
  },
});

for (const [name, { asked, answers, results }] of Object.entries(golden.tasks)) {
  test(`${name}: what is asked is what lm-evaluation-harness asks, to the letter`, async () => {
    const loaded = await readTask(join(folder, `${name}.yaml`));
    const ours = taskQuestions(loaded).map(a =>
      loaded.task.output === "generate_until"
        ? [[a.context]]
        : loaded.task.output === "loglikelihood_rolling"
          ? [[a.references[0]]]
          : a.continuations.map(c => [a.context, c]),
    );
    expect(ours).toEqual(asked);
  });

  test(`${name}: the same answers have the harness's figures`, async () => {
    const loaded = await readTask(join(folder, `${name}.yaml`));
    const { items } = await evaluateTask({ loaded, model: dummy(answers), answers: rememberedAnswers() });
    const all = Int32Array.from(items, (_, i) => i);
    const head = { task: name, output: loaded.task.output };
    for (const metric of loaded.task.metrics ?? defaultMeasures(loaded.task.output))
      expect(measureOf(metric, head).prepare(items)(all)).toBeCloseTo(
        results[`${{ "exact-match": "exact_match" }[metric] ?? metric},none`]!,
        12,
      );
  });
}

for (const [name, { system, asked }] of Object.entries(golden.turns))
  test(`${name}: examples as turns of a chat are those of lm-evaluation-harness, to the letter`, async () => {
    const loaded = await readTask(join(folder, `${name}.yaml`));
    const task = { ...examplesAsTurns(loaded.task), ...(system === null ? {} : { system }) };
    const ours: string[][][] = [];
    const told = (messages: unknown) => JSON.stringify(messages);
    const model: EvaluatedModel = {
      id: "asked",
      fingerprint: "asked",
      chat: told,
      async likelihood(requests, each) {
        for (const [i, { context, continuations }] of requests.entries()) {
          ours[i] = continuations.map(c => [context, c]);
          each(i, { choices: continuations.map(() => ({ logLikelihood: -1, isGreedy: false })), ms: 1 });
        }
      },
      async generate(requests, each) {
        for (const [i, { messages }] of requests.entries()) {
          ours[i] = [[told(messages)]];
          each(i, { texts: [""], tokens: 1, ms: 1 });
        }
      },
    };
    await evaluateTask({ loaded: { ...loaded, task }, model, answers: rememberedAnswers() });
    // theirs is written with blanks
    expect(ours).toEqual(asked.map(calls => calls.map(([context = "", ...rest]) => [JSON.stringify(JSON.parse(context)), ...rest])));
  });

test("fewshot_as_multiturn in a file makes a chat of it; in Loam's shape it wants one", () => {
  const { yaml } = golden.tasks.drawn!;
  const { chat, fewShot } = parseTask(`${yaml}fewshot_as_multiturn: true\n`, "a.yaml");
  expect([chat, fewShot!.multiturn]).toEqual([true, true]);
  const own = (more: string) =>
    parseTask(`task: t\ndata: { test: test.jsonl }\nprompt: question\ntarget: answer\noutput: generate_until\n${more}`, "b.yaml");
  expect(own("chat: true\nfewShot: { count: 1, multiturn: true }").fewShot!.multiturn).toBe(true);
  expect(() => own("fewShot: { count: 1, multiturn: true }")).toThrow("chat: true");
});

test("what is not known, or would need Python or a download, is refused by name", () => {
  const plain = golden.tasks.plain!.yaml;
  expect(() => parseTask(plain.replace("doc_to_target", "doc_to_targt"), "a.yaml")).toThrow('Did you mean "doc_to_target"?');
  expect(() => parseTask(plain.replace("dataset_path: json", "dataset_path: allenai/ai2_arc"), "a.yaml")).toThrow('got "allenai/ai2_arc"');
  expect(() => parseTask(`${plain}process_docs: !function utils.process\n`, "a.yaml")).toThrow(
    /process_docs: expected a task that needs no Python.*save the items/,
  );
});
