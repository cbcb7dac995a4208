/** Which task file a word means: a path, or a name in the project's `tasks` folder. */
import { existsSync, readdirSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { nearest } from "../../base/index.ts";
import { cliErrors } from "../errors.ts";

const isFile = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isFile() === true;
const ending = /\.ya?ml$/;

/** Errors: cli/usage with the nearest name. */
export function taskFile(given: string, folder: string, cwd: string): string {
  const path = resolve(cwd, given);
  if (isFile(path)) return path;
  const tasks = join(folder, "tasks");
  const names = existsSync(tasks)
    ? readdirSync(tasks)
        .filter(f => ending.test(f))
        .map(f => f.replace(ending, ""))
    : [];
  const named = ["yaml", "yml"].map(e => join(tasks, `${given}.${e}`)).find(isFile);
  if (named) return named;
  const near = nearest(given, names);
  throw cliErrors.fail("usage", {
    place: "loam eval: task",
    expected: names.length ? `a task file, or one of ${names.join(", ")} in ${tasks}` : "a task file (YAML)",
    received: `"${given}"`,
    hint: near ? `Did you mean "${near}"?` : "docs/evaluation.md shows how one is written.",
  });
}
