/** What loam.yaml says of a model's loop, held against the rest of the file. Read by every verb: it loads nothing that computes. */
import { defined } from "../../base/index.ts";
import { loopErrors } from "../../loop/index.ts";
import type { LoopPolicy } from "../../loop/part.ts";
import { dataSetOf, type LoopReading, loopReadingOf, type TunedModel, tasksWith } from "../../tune/part.ts";
import { nearestHint } from "../errors.ts";
import type { ProjectConfig } from "../part.ts";

export interface LoopPart {
  readonly model: string;
  readonly policy: LoopPolicy;
  readonly base: string;
  readonly tune: TunedModel["tune"];
  /** What of a document it learns from. */
  readonly reading: LoopReading;
  /** Data set that the model learns from. */
  readonly dataSet: string;
}

const fail = (place: string, expected: string, received: string, hint?: string) =>
  loopErrors.fail("policy", { place: `loam.yaml: loop.${place}`, expected, received, ...defined({ hint }) });

/** Only classes are right or wrong, and have a log loss: of other kinds it is the loss that they learn by. */
function withOwnLoss(model: string, policy: LoopPolicy): LoopPolicy {
  const { quality } = policy.signals;
  for (const [place, { metric }] of Object.entries({ gates: policy.gates, ...(quality ? { "signals.quality": quality } : {}) }))
    if (metric === "errorRate")
      throw fail(
        `${model}.${place}.metric`,
        "`loss`",
        "`errorRate`",
        `Only answers of ${tasksWith(row => row.tellsWrong === true)} are right or wrong.`,
      );
  const metric = "loss" as const;
  return {
    ...policy,
    gates: { ...policy.gates, metric },
    signals: { ...policy.signals, ...(quality ? { quality: { ...quality, metric } } : {}) },
  };
}

/** The loop of a model, or of the only one. Errors: loop/policy. */
export function loopPartOf({ loop, tuned, data }: Pick<ProjectConfig, "loop" | "tuned" | "data">, given?: string): LoopPart {
  const known = Object.keys(loop);
  const model = given ?? (known.length === 1 ? known[0] : undefined);
  const policy = model === undefined || !Object.hasOwn(loop, model) ? undefined : loop[model];
  if (model === undefined || !policy)
    throw loopErrors.fail("policy", {
      place: "loop",
      expected: known.length > 0 ? `a model with a loop: ${known.join(", ")}` : "`loop:` in loam.yaml, by model",
      received: model === undefined ? "none" : `"${model}"`,
      ...defined({ hint: model === undefined ? undefined : nearestHint(model, known) }),
    });
  const entry = Object.hasOwn(tuned, model) ? tuned[model] : undefined;
  const names = Object.keys(tuned);
  if (!entry) throw fail(model, `a tuned model (${names.join(", ") || "none is defined"})`, `"${model}"`, nearestHint(model, names));
  const { tune } = entry;
  const reading = loopReadingOf(tune);
  if (!reading)
    throw fail(
      model,
      `a model with ${tasksWith(row => row.loopReads !== undefined)}`,
      `task: ${tune.task}`,
      "A loop judges versions by their losses on documents.",
    );
  const dataSet = dataSetOf(tune);
  if (dataSet === undefined)
    throw fail(
      model,
      "a model that learns from a data set",
      `a file, ${tune.on}`,
      "Name a data set under tune.on: a loop's rounds are data sets.",
    );
  const { new: fresh } = policy.data;
  const sets = Object.keys(data);
  if (!sets.includes(fresh)) throw fail(`${model}.data.new`, `a data set (${sets.join(", ")})`, `"${fresh}"`, nearestHint(fresh, sets));
  if (fresh === dataSet)
    throw fail(
      `${model}.data.new`,
      "another data set than the model's own",
      `"${fresh}"`,
      "New documents come by a data set of their own.",
    );
  if (policy.data.feedback !== undefined && reading.says !== "class")
    throw fail(
      `${model}.data.feedback`,
      `a model with ${tasksWith(row => row.tellsWrong === true)}`,
      `task: ${tune.task}`,
      "Labels of feedback are classes.",
    );
  return { model, policy: reading.says === "class" ? policy : withOwnLoss(model, policy), base: entry.base, tune, reading, dataSet };
}

/** Errors: loop/policy for the first loop that does not fit the file. */
export function checkLoops(config: Pick<ProjectConfig, "loop" | "tuned" | "data">): void {
  for (const model of Object.keys(config.loop)) loopPartOf(config, model);
}
