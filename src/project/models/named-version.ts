/** The version that a call names, with the record that it is in. */
import { resolve } from "node:path";
import { readText } from "../../base/index.ts";
import { publicKeyOf } from "../../registry/index.ts";
import { type ModelVersion, resolveVersion, type Store } from "../../store/index.ts";
import { wrongArgument } from "../errors.ts";
import type { ProjectFile } from "../project-file.ts";
import { findModel } from "../serving/find-model.ts";
import type { Workplace } from "../workspace.ts";

export interface NamedModelVersion extends AsyncDisposable {
  readonly store: Store;
  readonly project: ProjectFile | undefined;
  readonly model: string;
  readonly version: ModelVersion;
}

/** `NAME`, `NAME@3`, `NAME@prod`; default: the served model. Errors: project/argument for files, store/notFound. */
export async function namedVersion({ folder, cwd }: Workplace, given: string | undefined): Promise<NamedModelVersion> {
  const found = await findModel(folder, cwd, given);
  try {
    if (found.model.kind === "files")
      throw wrongArgument(
        "model",
        "a version of a record",
        `"${found.model.shown}", files`,
        "`loam models import FILE` makes one of them.",
      );
    const { store, wanted } = found.model;
    const [model = "", which = "latest"] = wanted.split("@");
    const version = await resolveVersion(store.records.read, model, which);
    return { store, project: found.project, model, version, [Symbol.asyncDispose]: () => found[Symbol.asyncDispose]() };
  } catch (error) {
    await found[Symbol.asyncDispose]();
    throw error;
  }
}

/** The public keys in files. Errors: base/missingFile, registry/key. */
export const publicKeys = ({ cwd }: Workplace, files: readonly string[]): string[] =>
  files.map(file => publicKeyOf(readText(resolve(cwd, file)), file));
