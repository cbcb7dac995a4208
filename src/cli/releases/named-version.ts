/** The version that a verb of `loam models` names, with the record that it is in. */
import { userInfo } from "node:os";
import type { ProjectFile } from "../../project/index.ts";
import { findModel } from "../../project/serving/index.ts";
import { type ModelVersion, resolveVersion, type Store } from "../../store/index.ts";
import { cliErrors } from "../errors.ts";
import { textOption } from "../options.ts";
import type { Context, Options } from "../verb.ts";
import { folderOf } from "../verb-folder.ts";

export interface NamedModel extends AsyncDisposable {
  readonly store: Store;
  readonly project: ProjectFile | undefined;
  readonly model: string;
  readonly version: ModelVersion;
}

/** `NAME`, `NAME@3`, `NAME@prod`. Errors: cli/usage for files, store/notFound. */
export async function namedModel(context: Context, options: Options, given: string): Promise<NamedModel> {
  const found = await findModel(folderOf(context, options), context.cwd, given);
  try {
    if (found.model.kind === "files")
      throw cliErrors.fail("usage", {
        place: "model",
        expected: "a version of a record",
        received: `"${given}", files`,
        hint: "`loam models import FILE` makes one of them.",
      });
    const { store, wanted } = found.model;
    const [model = "", which = "latest"] = wanted.split("@");
    const version = await resolveVersion(store.records.read, model, which);
    return { store, project: found.project, model, version, [Symbol.asyncDispose]: () => found[Symbol.asyncDispose]() };
  } catch (error) {
    await found[Symbol.asyncDispose]();
    throw error;
  }
}

/** Who does it, as they say: `--as`, else the user of this machine. */
export function personOf(options: Options): string {
  const given = textOption(options, "as");
  if (given !== undefined) return given;
  try {
    return userInfo().username;
  } catch {
    return "unknown";
  }
}
