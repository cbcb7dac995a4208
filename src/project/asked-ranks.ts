/** Ranks that a call asks for, over what loam.yaml says: of a training, and of tunings. */
import { check, defined } from "../base/index.ts";
import { meshOptions, rowMeshOptions } from "../train/part.ts";
import { aloneWith, kindPartOf, takesRanks, tasksWith } from "../tune/part.ts";
import { projectErrors } from "./errors.ts";
import type { ProjectFile } from "./project-file.ts";

/** Ranks of a training, over what loam.yaml says. */
export interface MeshOptions {
  /** Ranks by axis: `{ data: 2 }`. */
  readonly mesh?: Readonly<Record<string, number>> | undefined;
  /** ZeRO level: 0 to 3 of a training, 0 to 2 of a tuning. */
  readonly zero?: number | undefined;
}

/** The project with the ranks that the options ask for. Errors: project/argument for a model that is not pre-trained; those of the recipe. */
export function withMesh(file: ProjectFile, name: string, { mesh, zero }: MeshOptions): ProjectFile {
  const asked = defined({ mesh, zero });
  if (Object.keys(asked).length === 0) return file;
  const model = file.config.models[name];
  if (!model)
    throw projectErrors.fail("argument", {
      place: "loam train --mesh",
      expected: "a model that is trained from nothing (models: with train: in loam.yaml)",
      received: `"${name}", which is tuned`,
      hint: `Run \`loam tune ${name} --mesh ...\`, or name its base.`,
    });
  const own = check(meshOptions, asked, "loam train");
  return {
    ...file,
    config: { ...file.config, models: { ...file.config.models, [name]: { ...model, train: { ...model.train, ...own } } } },
  };
}

/** The same of tuned models. Errors: project/argument for a task, or a recipe, that one rank tunes; those of the recipe. */
export function withTuningMesh(file: ProjectFile, models: readonly string[], { mesh, zero }: MeshOptions): ProjectFile {
  const asked = defined({ mesh, zero });
  if (Object.keys(asked).length === 0) return file;
  const own = check(rowMeshOptions, asked, "loam tune");
  const changed = models.map(name => {
    const entry = file.config.tuned[name]!;
    const tune = { ...entry.tune, ...own };
    const fail = (expected: string, received: string, hint: string) =>
      projectErrors.fail("argument", { place: `loam tune --${Object.keys(asked)[0]}`, expected, received, hint });
    if (!takesRanks(kindPartOf(tune)))
      throw fail(
        `a model with ${tasksWith(takesRanks)}`,
        `${name}, with \`task: ${tune.task}\``,
        "Name a model whose task ranks tune: loam tune NAME --mesh data=2.",
      );
    const key = aloneWith(tune);
    if (key !== undefined) throw fail(`a recipe without \`${key}\`, which one rank trains`, name, "Tune it without --mesh.");
    return [name, { ...entry, tune }] as const;
  });
  return { ...file, config: { ...file.config, tuned: { ...file.config.tuned, ...Object.fromEntries(changed) } } };
}
