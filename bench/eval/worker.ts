/** Loam's side: `run TASK` evaluates a task of the folder and answers with times, figures and the log-likelihoods of every item. */

import { join } from "node:path";
import { createInterface } from "node:readline";
import { type EvaluatedModel, evaluateTask, measureOf, readTask, rememberedAnswers } from "../../src/evaluate/index.ts";
import { openEvaluated } from "../../src/project/eval/open-model.ts";

interface Given {
  readonly model: string;
  readonly tasks: string;
  readonly context: number;
  readonly threads: number;
}
const given = JSON.parse(process.argv[2]!) as Given;
const opened = await openEvaluated(given.model, { folder: given.tasks, cwd: given.tasks, context: given.context, threads: given.threads });

const processorMs = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};

/** The model with its answers written down. */
function spied(model: EvaluatedModel, answers: unknown[][]): EvaluatedModel {
  return {
    ...model,
    likelihood: (requests, each, signal) =>
      model.likelihood!(
        requests,
        (i, a) => {
          answers[i] = a.choices.map(c => [c.logLikelihood, c.isGreedy]);
          each(i, a);
        },
        signal,
      ),
    rolling: (requests, each, signal) =>
      model.rolling!(
        requests,
        (i, a) => {
          answers[i] = [a.logLikelihood];
          each(i, a);
        },
        signal,
      ),
  };
}

// the weights are read before the clock runs, as the other side's are
await opened.model.likelihood!([{ context: "a", continuations: [" b"] }], () => {});
for await (const line of createInterface({ input: process.stdin })) {
  const [, task] = line.split(" ") as [string, string];
  const items: unknown[][] = [];
  const [wall, processor] = [performance.now(), processorMs()];
  const loaded = await readTask(join(given.tasks, `${task}.yaml`));
  const evaluated = await evaluateTask({ loaded, model: spied(opened.model, items), answers: rememberedAnswers() });
  const [wallMs, ms] = [performance.now() - wall, processorMs() - processor];
  const all = Int32Array.from(evaluated.items, (_, i) => i);
  const head = { task, output: loaded.task.output };
  const results = Object.fromEntries((loaded.task.metrics ?? []).map(m => [m, measureOf(m, head).prepare(evaluated.items)(all)]));
  process.stdout.write(`${JSON.stringify({ ms, wallMs, results, items })}\n`);
}
await opened[Symbol.asyncDispose]();
