/**
 * lm-evaluation-harness from PyPI against the server, beside `loam eval`: the same task files, items and figures. The harness reads its tokenizer from
 * the server (`tokenizer_backend=remote`) and has neither PyTorch nor transformers.
 */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, expect, test } from "vitest";
import {
  decoderLikelihood,
  type EvaluatedModel,
  evaluateTask,
  headOf,
  measureOf,
  readTask,
  rememberedAnswers,
} from "../src/evaluate/index.ts";
import { createEngine } from "../src/serve/engine.ts";
import { byteTokenizer, fakeEndToken, tinyModel } from "../src/serve/fakes.ts";
import { createApp } from "../src/serve/http/app.ts";
import { listen } from "../src/serve/listen.ts";
import { openDevice } from "../src/tensor/index.ts";
import { root } from "./support/child.ts";
import { clientPython, lacksClients } from "./support/client-python.ts";

const why = lacksClients("lm_eval, aiohttp, tenacity");

const folder = mkdtempSync(join(tmpdir(), "loam-lm-eval-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Questions with three answers each, made up. */
const animals = ["cat", "dog", "owl", "fox", "łoś", "bee"];
const rows = Array.from({ length: 12 }, (_, i) => {
  const of = (k: number) => animals[(i * 5 + k) % animals.length]!;
  const question = `Who is number ${i}?\nIt is the`;
  // some are longer than a window
  const long = Array.from({ length: 1 + (i % 3) * 4 }, (_, k) => `${question} ${of(k)}.`).join(" ");
  return { n: i, question, choices: [of(0), `${of(1)} and the ${of(2)}`, of(3)], right: i % 3, long };
});
const head = (name: string, output: string) => `task: ${name}
dataset_path: json
dataset_kwargs:
  data_files: { test: ${JSON.stringify(join(folder, "rows.jsonl"))} }
test_split: test
output_type: ${output}
`;
const tasks = {
  loam_choices: `${head("loam_choices", "multiple_choice")}doc_to_text: question
doc_to_choice: choices
doc_to_target: right
metric_list: [{ metric: acc }, { metric: acc_norm }]
`,
  loam_next: `${head("loam_next", "loglikelihood")}doc_to_text: question
doc_to_target: " {{choices[right]}}"
metric_list: [{ metric: perplexity }, { metric: acc }]
`,
  loam_text: `${head("loam_text", "loglikelihood_rolling")}doc_to_text: ""
doc_to_target: long
metric_list: [{ metric: word_perplexity }, { metric: byte_perplexity }, { metric: bits_per_byte }]
`,
};
type TaskName = keyof typeof tasks;
const names = Object.keys(tasks) as TaskName[];

type Scored = readonly [logLikelihood: number, isGreedy: boolean | null];
type Told = Readonly<
  Record<TaskName, { readonly figures: Readonly<Record<string, number>>; readonly items: readonly (readonly Scored[])[] }>
>;

test.skipIf(why !== "")(
  `lm-evaluation-harness scores choices and texts at the server as loam eval does, item by item${why && ` (skipped: ${why})`}`,
  async () => {
    writeFileSync(join(folder, "rows.jsonl"), rows.map(r => `${JSON.stringify(r)}\n`).join(""));
    for (const name of names) writeFileSync(join(folder, `${name}.yaml`), tasks[name]);
    const device = openDevice("cpu", { threads: 1 });
    const served = await tinyModel(device);
    const { config, parameters } = served;
    const engine = createEngine({ model: served, device, slots: 4 });
    const server = await listen(createApp({ engines: [engine] }), { port: 0 });
    try {
      await engine.ready;
      const run = await promisify(execFile)(clientPython, [
        join(root, "bench/peers/lm_eval_client.py"),
        `${server.url}/v1`,
        "tiny",
        folder,
        String(engine.room),
        ...names,
      ]);
      const told = JSON.parse(run.stdout.trim().split("\n").at(-1)!) as Told;

      using scorer = decoderLikelihood({
        device,
        // the harness leaves room for one token behind every window, and for another that it generates and does not look at
        config: { ...config, context: engine.room - 2 },
        parameters,
        tokenizer: byteTokenizer,
        startToken: undefined,
        prefixToken: fakeEndToken,
      });
      const model: EvaluatedModel = { id: "tiny", fingerprint: "tiny", likelihood: scorer.likelihood, rolling: scorer.rolling };
      for (const name of names) {
        const loaded = await readTask(join(folder, `${name}.yaml`));
        const { items } = await evaluateTask({ loaded, model, answers: rememberedAnswers() });
        expect(items).toHaveLength(rows.length);
        for (const [i, item] of items.entries()) {
          const want = item.logLikelihoods ?? [item.logLikelihood!];
          const got = told[name].items[i]!;
          expect([name, i, got.length]).toEqual([name, i, want.length]);
          for (const [k, l] of want.entries()) expect(got[k]![0]).toBeCloseTo(l, 3);
          if (item.isGreedy !== undefined && name === "loam_next") expect(got[0]![1]).toBe(item.isGreedy);
        }
        const all = Int32Array.from(items.keys());
        for (const [figure, value] of Object.entries(told[name].figures)) {
          const own = measureOf(figure, headOf(loaded.task)).prepare(items)(all);
          expect(Math.abs(own - value), `${name} ${figure}: ${own}, the harness ${value}`).toBeLessThanOrEqual(1e-4 * Math.max(1, value));
        }
      }
    } finally {
      await server.close();
      await engine.close();
    }
  },
);
