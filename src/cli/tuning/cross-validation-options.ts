/** `loam tune --folds --repeats --seeds`: the cross-validation of a recipe as the command line asks for it, over what loam.yaml says. */
import { check } from "../../base/index.ts";
import type { ProjectFile } from "../../project/index.ts";
import { cliErrors } from "../../project/index.ts";
import { canBeCrossValidated, type TunedModel } from "../../project/tuning/index.ts";
import { crossValidationOptions, type TunePart, tasksWith } from "../../tune/index.ts";
import { numberOption } from "../options.ts";
import type { Options } from "../verb.ts";

/** The project with what the options ask for. Errors: cli/usage for a task whose recipes are not cross-validated. */
export function withCrossValidation(project: ProjectFile, models: readonly string[], options: Options): ProjectFile {
  const number = (key: string, least: number) => numberOption(options, key, "tune", { least, most: 100, whole: true });
  const asked = Object.entries({ folds: number("folds", 2), repeats: number("repeats", 1), seeds: number("seeds", 1) }).filter(
    ([, value]) => value !== undefined,
  );
  if (asked.length === 0) return project;
  const changed = models.map((name): readonly [string, TunedModel] => {
    const entry = project.config.tuned[name]!;
    if (!canBeCrossValidated(entry.tune))
      throw cliErrors.fail("usage", {
        place: `loam tune --${asked[0]![0]}`,
        expected: `a model with ${tasksWith(kind => kind.folds !== undefined)}`,
        received: `${name}, with \`task: ${entry.tune.task}\``,
        hint: "Name a model whose recipe is cross-validated: loam tune NAME --folds 5.",
      });
    const crossValidation = check(
      crossValidationOptions,
      { ...(entry.tune as TunePart).crossValidation, ...Object.fromEntries(asked) },
      "loam tune",
    );
    // a task whose recipes are cross-validated has this key
    return [name, { ...entry, tune: { ...entry.tune, crossValidation } as TunedModel["tune"] }];
  });
  return { ...project, config: { ...project.config, tuned: { ...project.config.tuned, ...Object.fromEntries(changed) } } };
}
