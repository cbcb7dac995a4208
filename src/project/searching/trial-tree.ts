/** What a trial's project file would say: the user's with the values of a point put in, and the search's budget. */
import { canonicalJson, isLoamError, type Json } from "../../base/index.ts";
import {
  isActive,
  type Parameter,
  type Point,
  pathOf,
  pointOf,
  type SearchPart,
  type Space,
  valueIn,
  withValue,
} from "../../tune/index.ts";

/** Parts of a project file that a trial depends on. A file whose models are all made of others' needs no tokenizer. */
export type TrialBase = { readonly [part in "data" | "models" | "tokenizer"]: Json } | { readonly [part in "data" | "models"]: Json };

export const trialBaseOf = (raw: Json): TrialBase => {
  const tokenizer = valueIn(raw, ["tokenizer"]);
  const base = { data: valueIn(raw, ["data"]) ?? {}, models: valueIn(raw, ["models"]) ?? {} };
  return tokenizer === undefined ? base : { ...base, tokenizer };
};

/** Errors: tune/path, with `place` and the parameter's name. */
export function trialTree(
  base: TrialBase,
  search: Pick<SearchPart, "model"> & Partial<Pick<SearchPart, "tokens">>,
  point: Point,
  place: string,
): Json {
  const budget: Json =
    search.tokens === undefined ? base : withValue(base, pathOf("train.tokens", search.model), search.tokens, `${place}.tokens`);
  return Object.entries(point).reduce<Json>(
    (tree, [name, value]) => withValue(tree, pathOf(name, search.model), value, `${place}.space.${name}`),
    budget,
  );
}

const isSame = (a: Json | undefined, b: Json | undefined): boolean => canonicalJson(a ?? null) === canonicalJson(b ?? null);

/** What a checked configuration has at a path. */
function checkedValue(config: unknown, path: readonly string[]): Json | undefined {
  // models that are made of another one are checked apart
  const tuned = path[0] === "models" ? valueIn(config as Json, ["tuned", ...path.slice(1)]) : undefined;
  return valueIn(config as Json, path) ?? tuned;
}

/** What a configuration says at a parameter's path: as it is written, where that is one of the options (a short form, perhaps), else as checked. */
function configuredValue(config: unknown, raw: Json, model: string, parameter: string, p: Parameter): Json | undefined {
  const path = pathOf(parameter, model);
  const written = valueIn(raw, path);
  if ("options" in p && p.options.some(o => isSame(o, written))) return written;
  return checkedValue(config, path) ?? written;
}

export interface Configured {
  readonly raw: Json;
  /** What the schema has made of it. */
  readonly config: unknown;
  readonly model: string;
  readonly space: Space;
  /** What the schema makes of a tree. */
  check(tree: Json): unknown;
}

/**
 * The configuration as it is, as a point of the space where it is one: an option that comes to what a recipe has by default, or says in another form, is
 * that option (`full`, `lora` beside a rank of its own), so that no sampler tries it once more.
 */
export function usualPoint({ raw, config, model, space, check }: Configured): Point {
  const base = trialBaseOf(raw);
  const configured = (name: string) => configuredValue(config, raw, model, name, space[name]!);
  const comesTo = (name: string, option: Json): Json | undefined => {
    const below = Object.entries(space).filter(([n, p]) => n.startsWith(`${name}.`) && isActive(p, { [name]: option }));
    const values = below.flatMap(([n]) => {
      const value = configured(n);
      return value === undefined ? [] : [[n, value] as const];
    });
    try {
      return checkedValue(check(trialTree(base, { model }, { [name]: option, ...Object.fromEntries(values) }, name)), pathOf(name, model));
    } catch (error) {
      if (isLoamError(error)) return undefined;
      throw error;
    }
  };
  return pointOf(space, name => {
    const [value, p] = [configured(name), space[name]!];
    if (value === undefined || !("options" in p) || p.options.some(o => isSame(o, value))) return value;
    return p.options.find(o => isSame(comesTo(name, o), value)) ?? value;
  });
}
