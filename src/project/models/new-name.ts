/** Names for models that are brought in: what a record takes, and none that loam.yaml trains itself. */
import { projectErrors } from "../errors.ts";
import { modelsOf, type ProjectFile } from "../project-file.ts";

/** What a record takes as a model's name; a version follows after @. */
const namePattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;

/** The name that was asked for, else the one that came along. Errors: project/argument. */
export function newName(verb: string, project: ProjectFile | undefined, asked: string | undefined, otherwise: string): string {
  const name = asked ?? otherwise;
  const wrong = (expected: string, hint?: string) =>
    projectErrors.fail("argument", { place: `loam models ${verb}: --name`, expected, received: `"${name}"`, ...(hint ? { hint } : {}) });
  if (!namePattern.test(name))
    throw asked === undefined
      ? wrong("a name", "Give one with --name.")
      : wrong("up to 128 letters, digits, dots, dashes or underscores, a letter or digit first");
  if (project && modelsOf(project.config).includes(name))
    throw wrong("a name that no model of loam.yaml has", "That model is trained here; take another name.");
  return name;
}
