/** What `releases:` of loam.yaml asks for, as the record keeps it: keys by their text, since a file's path means nothing there. */
import { resolve } from "node:path";
import { readText } from "../../base/index.ts";
import { publicKeyOf } from "../../registry/index.ts";
import type { GuardRules } from "../../store/index.ts";
import type { Project } from "../project.ts";

/** Public keys of files, from the project's folder. Errors: registry/key, base/missingFile. */
export const keysOf = ({ folder }: Pick<Project, "folder">, files: readonly string[]): string[] =>
  files.map(file => publicKeyOf(readText(resolve(folder, file)), file));

/** Guards by alias. Errors: as of `keysOf`. */
export function guardsOf(project: Pick<Project, "folder" | "config">): Record<string, GuardRules> {
  const textOf = (file: string): string => keysOf(project, [file])[0]!;
  return Object.fromEntries(
    Object.entries(project.config.releases).map(([alias, rules]) => [
      alias,
      {
        ...rules,
        signedBy: keysOf(project, rules.signedBy),
        approvals: rules.approvals.map(a => ({
          ...a,
          ...(a.keys ? { keys: Object.fromEntries(Object.entries(a.keys).map(([name, file]) => [name, textOf(file)])) } : {}),
        })),
      },
    ]),
  );
}
