/** Why a candidate of `loam tune select` is none, for people. */
import type { LoamError } from "../../base/index.ts";
import { modelsOf, type ProjectFile, projectFile } from "../project-file.ts";

/** A model of the project file that has no version yet is not unknown: what makes one is named. */
export function candidateRefusal(error: LoamError, name: string, { config }: Pick<ProjectFile, "config">): string {
  if (error.code !== "store/notFound" || !modelsOf(config).includes(name)) return error.message;
  const verb = Object.hasOwn(config.tuned, name) ? "tune" : "train";
  return `expected a model that has a version, got one of ${projectFile} that has none yet. \`loam ${verb} ${name}\` makes one.`;
}

/** A model that cannot be a base, and why. */
export interface RefusedBase {
  readonly name: string;
  readonly reason: string;
}
