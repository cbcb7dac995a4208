/** What `releases:` of loam.yaml asks for, as the record keeps it: keys by their text, since a file's path means nothing there. */
import { basename, resolve } from "node:path";
import { isLoamError, LoamError, readText } from "../../base/index.ts";
import { publicKeyOf } from "../../registry/index.ts";
import type { GuardRules } from "../../store/index.ts";
import type { ProjectFile } from "../project-file.ts";

/** Public keys of files, from the project's folder, that a part of loam.yaml names. Errors, each with that part: registry/key, base/missingFile. */
export const keysOf = ({ file: from, folder }: Pick<ProjectFile, "file" | "folder">, files: readonly string[], part: string): string[] =>
  files.map(file => {
    try {
      return publicKeyOf(readText(resolve(folder, file)), file);
    } catch (error) {
      if (!isLoamError(error)) throw error;
      throw new LoamError({ ...error.problem, place: `${basename(from)}: ${part}: ${error.problem.place ?? file}` }, error.row, {
        cause: error,
      });
    }
  });

/** Guards by alias. Errors: as of `keysOf`. */
export function aliasGuards(project: ProjectFile): Record<string, GuardRules> {
  const textOf = (file: string, part: string): string => keysOf(project, [file], part)[0]!;
  const owned = Object.keys(project.config.governance.owners).sort();
  return Object.fromEntries(
    Object.entries(project.config.releases).map(([alias, rules]) => [
      alias,
      {
        ...rules,
        // names of owners stay out of the record, which logs its guards
        ...(rules.owner === undefined ? {} : { owned: owned.filter(thing => thing.startsWith("model/") || thing === `alias/${alias}`) }),
        signedBy: keysOf(project, rules.signedBy, `releases.${alias}.signedBy`),
        approvals: rules.approvals.map((a, i) => ({
          ...a,
          ...(a.keys
            ? {
                keys: Object.fromEntries(
                  Object.entries(a.keys).map(([name, file]) => [name, textOf(file, `releases.${alias}.approvals.${i}.keys.${name}`)]),
                ),
              }
            : {}),
        })),
      },
    ]),
  );
}
