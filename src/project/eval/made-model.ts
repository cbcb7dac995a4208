/** A model of the project that was made on the way to another one, as the base of a tuned model is, and has no version: what loam.yaml stands for now. */
import type { ArtifactReader, Store } from "../../store/index.ts";
import { projectErrors } from "../errors.ts";
import { lifeOf, planLink } from "../life.ts";
import { modelNames } from "../models/home.ts";
import { modelsOf, type ProjectFile } from "../project-file.ts";
import type { Found } from "../serving/find-model.ts";
import { foundFiles } from "../serving/found-files.ts";
import type { LabelledFiles } from "../serving/open-version.ts";

/** Makes nothing. Errors: project/nothing where it is not made, or was made before loam.yaml or its source changed; those of the file. */
async function madeModel(project: ProjectFile, store: Store, name: string): Promise<LabelledFiles> {
  const made = new Map<string, ArtifactReader>();
  for (const link of lifeOf(project, name, { onProblem: () => {} })) {
    // a source that is gone says nothing of what was made of it
    const plan = await planLink(store, link, made).catch(() => undefined);
    if (plan?.action !== "reuse" || !plan.artifact) break;
    made.set(link.label, plan.artifact);
    if (link.label === name)
      return {
        files: plan.artifact,
        label: { id: name, name, fingerprint: plan.artifact.digest, artifact: plan.artifact.id },
      };
  }
  throw projectErrors.fail("nothing", {
    place: name,
    expected: "a version of it, or one that is made as loam.yaml says now",
    received: "neither",
    hint: `\`loam ${Object.hasOwn(project.config.tuned, name) ? "tune" : "train"} ${name}\` makes what is missing and names it.`,
  });
}

/** The files of a version, or of what the project has made of that name without one. Errors: as of `madeModel` and `foundFiles`. */
export async function namedOrMade(found: Found): Promise<LabelledFiles> {
  const { model, project } = found;
  const isUnnamed =
    model.kind === "version" &&
    project !== undefined &&
    modelsOf(project.config).includes(model.wanted) &&
    !(await modelNames(model.store)).includes(model.wanted);
  return isUnnamed ? madeModel(project, model.store, model.wanted) : foundFiles(found);
}
