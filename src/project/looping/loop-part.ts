/** What loam.yaml says of a model's loop, held against the rest of the file. Read by every verb: it loads nothing that computes. */
import { defined } from "../../base/index.ts";
import { loopErrors } from "../../loop/index.ts";
import type { LoopPolicy } from "../../loop/part.ts";
import type { TunedModel } from "../../tune/part.ts";
import { nearestHint } from "../errors.ts";
import type { ProjectConfig } from "../part.ts";

export type ClassifyTune = TunedModel["tune"] & { readonly task: "classify" };

export interface LoopPart {
  readonly model: string;
  readonly policy: LoopPolicy;
  readonly base: string;
  readonly tune: ClassifyTune;
}

const fail = (place: string, expected: string, received: string, hint?: string) =>
  loopErrors.fail("policy", { place: `loam.yaml: loop.${place}`, expected, received, ...defined({ hint }) });

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
  if (tune.task !== "classify")
    throw fail(
      model,
      "a model with `task: classify`",
      `task: ${tune.task}`,
      "A loop judges versions by the classes of labelled documents.",
    );
  const { new: fresh } = policy.data;
  const sets = Object.keys(data);
  if (!sets.includes(fresh)) throw fail(`${model}.data.new`, `a data set (${sets.join(", ")})`, `"${fresh}"`, nearestHint(fresh, sets));
  if (fresh === tune.on)
    throw fail(
      `${model}.data.new`,
      "another data set than the model's own",
      `"${fresh}"`,
      "New documents come by a data set of their own.",
    );
  return { model, policy, base: entry.base, tune };
}

/** Errors: loop/policy for the first loop that does not fit the file. */
export function checkLoops(config: Pick<ProjectConfig, "loop" | "tuned" | "data">): void {
  for (const model of Object.keys(config.loop)) loopPartOf(config, model);
}
