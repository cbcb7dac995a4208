/** Where the labels that people gave are kept. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";

const votesEnding = ".votes.jsonl";
/** Every answer, a line each, in the order they came. */
export const votesFile = (folder: string, name: string): string => join(folder, "labels", `${name}${votesEnding}`);
/** The texts with the class that most gave them: a folder of its own, so that a data set can name it. */
export const labelledFile = (folder: string, name: string): string => join(folder, "labels", name, "labelled.jsonl");
/** All files of votes in `labels/`, also of entries that loam.yaml has no more. */
export function votesFiles(folder: string): { readonly name: string; readonly path: string }[] {
  const at = join(folder, "labels");
  const names = existsSync(at) ? readdirSync(at).sort() : [];
  return names.filter(name => name.endsWith(votesEnding)).map(name => ({ name: name.slice(0, -votesEnding.length), path: join(at, name) }));
}
