/**
 * What a search of a tuned model may vary beside its own entry: the data that it is made of, as long as what judges stays what it is. Held-out texts and
 * those that select are the configuration's own in every trial; a path that would change what a score is counted in is refused.
 */
import { defined, type Json } from "../../base/index.ts";
import { type SearchPart, type Space, tuneErrors, valueIn } from "../../tune/index.ts";
import { canBeCrossValidated, dataSetOf, kindPartOf, madeOf, tasksWith } from "../../tune/part.ts";
import type { ProjectConfig } from "../part.ts";

/** Paths that change which documents there are, or which of them select. */
export const movesParts = /^(data\..*|tune\.(on|validation(\..*)?|seed|sample))$/;

export type SearchedConfig = Pick<ProjectConfig, "models" | "tuned" | "tokenizer" | "searches">;

interface DataRead {
  /** Data sets that a model is made of, the tokenizer's among them. */
  readonly all: ReadonlySet<string>;
  /** Those that something is trained on from nothing, as a mixture weighs them. */
  readonly trained: ReadonlySet<string>;
}

function dataOf(config: SearchedConfig, model: string): DataRead {
  const [all, trained] = [new Set<string>(), new Set<string>()];
  const follow = (name: string): void => {
    if (Object.hasOwn(config.models, name)) {
      for (const set of [config.models[name]!.train.on, config.tokenizer.from]) all.add(set);
      trained.add(config.models[name]!.train.on);
    }
    const tuned = Object.hasOwn(config.tuned, name) ? config.tuned[name] : undefined;
    if (!tuned) return;
    const own = dataSetOf(tuned.tune);
    if (own !== undefined) all.add(own);
    for (const next of madeOf(tuned)) follow(next);
  };
  follow(model);
  return { all, trained };
}

/** Errors: tune/path, with the parameter's place. */
export function checkTuned(
  config: SearchedConfig,
  raw: Json,
  { model, tokens, objectives, folds }: SearchPart,
  space: Space,
  place: string,
): void {
  const fail = (at: string, expected: string, received: string, hint?: string) =>
    tuneErrors.fail("path", { place: `${place}.${at}`, expected, received, ...defined({ hint }) });
  const { tune } = config.tuned[model]!;
  const kind = kindPartOf(tune);
  if (tokens !== undefined) throw fail("tokens", "no budget in tokens for a tuned model: tune.epochs says how long", String(tokens));
  if (objectives.includes("latency") && valueIn(raw, ["models", model, "tune", "result"]) === "adapter")
    throw fail("objectives", "no latency of an adapter, which answers on its base: tune.result: merged has one", "latency");
  if (objectives.includes("errors") && !kind.tellsWrong)
    throw fail("objectives", `no errors of task ${tune.task}, of which nothing is right or wrong: heldOut counts what it loses`, "errors");
  if (folds !== undefined) {
    if (!canBeCrossValidated(tune)) throw fail("folds", `a model with ${tasksWith(row => row.hasFolds === true)}`, `task: ${tune.task}`);
    const moving = Object.keys(space).find(name => movesParts.test(name));
    if (moving !== undefined)
      throw fail(`space.${moving}`, "nothing that changes which documents there are beside folds of them", moving, "Leave folds out.");
  }
  const data = dataOf(config, model);
  for (const name of Object.keys(space)) {
    const [part, set, key] = name.split(".");
    if (part === "tokenizer") throw fail(`space.${name}`, "a path of the model's own entry or of its data: its texts judge it", name);
    if (part !== "data" || set === undefined) continue;
    if (!data.all.has(set)) {
      const sets = [...data.all].map(s => `data.${s}`).join(", ");
      throw fail(`space.${name}`, sets === "" ? "a path of the model's own entry: it is made of no data set" : `a path of ${sets}`, name);
    }
    if (key === "mixture" && !data.trained.has(set))
      throw fail(
        `space.${name}`,
        "a mixture that something is trained on",
        `${name}, and a tuning takes each document once`,
        "Mixtures weigh the documents of pre-training: search the entry of the base.",
      );
    if (kind.inTokens && data.trained.size > 0 && set === config.tokenizer.from)
      throw fail(
        `space.${name}`,
        "data that the tokenizer is not made of: what is lost is counted in its tokens",
        name,
        "Let the tokenizer be made of a data set of its own (tokenizer.from).",
      );
  }
}
