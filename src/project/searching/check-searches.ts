/**
 * The searches of a project file, checked before anything trains: every value that a search may choose is put at its path, and what would then
 * stand in the file has to pass the file's own checks.
 */
import { defined, isLoamError, type Json } from "../../base/index.ts";
import {
  type Parameter,
  type Point,
  parseSpace,
  type SearchPart,
  type Space,
  Study,
  samplers,
  tuneErrors,
  valueIn,
} from "../../tune/index.ts";
import { tasksWith } from "../../tune/part.ts";
import { checkTuned, type SearchedConfig } from "./check-tuned.ts";
import { trialBaseOf, trialTree } from "./trial-tree.ts";

/** Values that stand for all of a parameter. */
const candidates = (p: Parameter): readonly Json[] => ("options" in p ? p.options : [p.from, p.to]);

/** The parents' values under which a parameter is chosen. */
function parentsOf(space: Space, name: string): Point {
  const above: Record<string, Json> = {};
  for (const [parent, values] of Object.entries(space[name]!.when ?? {}))
    Object.assign(above, parentsOf(space, parent), { [parent]: values[0]! });
  return above;
}

/** A sampler that cannot choose from such a space says so when it is asked. */
function ask(search: SearchPart, space: Space, place: string): void {
  try {
    const objectives = search.objectives.map(name => ({ name, direction: "minimise" as const }));
    new Study({ space, objectives, sampler: samplers[search.sampler]() }).ask();
  } catch (error) {
    if (!isLoamError(error, "tune/option")) throw error;
    const { code: _, ...problem } = error.problem;
    throw tuneErrors.fail("option", { ...problem, place: `${place}.${problem.place}` });
  }
}

/** Errors: tune/space, tune/path, tune/option; the place is the parameter in the file. */
export function checkSearches(raw: Json, config: SearchedConfig, file: string, check: (raw: unknown, place: string) => unknown): void {
  const { searches } = config;
  const base = Object.keys(searches).length > 0 ? trialBaseOf(raw) : undefined;
  for (const [name, search] of Object.entries(searches)) {
    const place = `${file}: searches.${name}`;
    // as written: what the schema made of it has lost the short forms
    const space = parseSpace(valueIn(raw, ["searches", name, "space"]), `${place}.space`);
    ask(search, space, place);
    if (Object.hasOwn(config.tuned, search.model)) checkTuned(config, raw, search, space, place);
    else if (search.folds !== undefined)
      throw tuneErrors.fail("path", {
        place: `${place}.folds`,
        expected: `a tuned model with ${tasksWith(row => row.hasFolds === true)}: others have no folds`,
        received: String(search.folds),
      });
    else if (search.objectives.includes("errors"))
      throw tuneErrors.fail("path", {
        place: `${place}.objectives`,
        expected: "no errors of a model that is trained on texts, of which nothing is right or wrong: heldOut counts its bits",
        received: "errors",
      });
    for (const [parameter, p] of Object.entries(space))
      for (const value of candidates(p)) {
        const tree = trialTree(base!, search, { ...parentsOf(space, parameter), [parameter]: value }, place);
        try {
          check(tree, file);
        } catch (error) {
          if (!isLoamError(error)) throw error;
          const { place: at, expected, received, hint, message } = error.problem;
          throw tuneErrors.fail("path", {
            place: `${place}.space.${parameter}`,
            ...defined({ message, expected }),
            received: `${received ?? "another"} (at ${at?.replace(`${file}: `, "") ?? parameter}${received === JSON.stringify(value) ? "" : `, with ${JSON.stringify(value)}`})`,
            ...defined({ hint }),
          });
        }
      }
  }
}
