/** What a trial's project file would say: the user's with the values of a point put in, and the search's budget. */
import { canonicalJson, type Json } from "../../base/index.ts";
import { type Parameter, type Point, pathOf, type SearchPart, valueIn, withValue } from "../../tune/index.ts";

/** Parts of a project file that a trial depends on. A file whose models are all made of others' needs no tokenizer. */
export type TrialBase = { readonly [part in "data" | "models" | "tokenizer"]: Json } | { readonly [part in "data" | "models"]: Json };

export const trialBaseOf = (raw: Json): TrialBase => {
  const tokenizer = valueIn(raw, ["tokenizer"]);
  const base = { data: valueIn(raw, ["data"]) ?? {}, models: valueIn(raw, ["models"]) ?? {} };
  return tokenizer === undefined ? base : { ...base, tokenizer };
};

/** Errors: tune/path, with `place` and the parameter's name. */
export function trialTree(base: TrialBase, search: Pick<SearchPart, "model" | "tokens">, point: Point, place: string): Json {
  const budget: Json =
    search.tokens === undefined ? base : withValue(base, pathOf("train.tokens", search.model), search.tokens, `${place}.tokens`);
  return Object.entries(point).reduce<Json>(
    (tree, [name, value]) => withValue(tree, pathOf(name, search.model), value, `${place}.space.${name}`),
    budget,
  );
}

/** What a configuration says at a parameter's path: as it is written, where that is one of the options (a short form, perhaps), else as checked. */
export function configuredValue(config: unknown, raw: Json, model: string, parameter: string, p: Parameter): Json | undefined {
  const path = pathOf(parameter, model);
  const written = valueIn(raw, path);
  if ("options" in p && p.options.some(o => canonicalJson(o) === canonicalJson(written ?? null))) return written;
  // models that are made of another one are checked apart
  const tuned = path[0] === "models" ? valueIn(config as Json, ["tuned", ...path.slice(1)]) : undefined;
  return valueIn(config as Json, path) ?? tuned ?? written;
}
