/** Which task file a word means: a path, or a name in the project's `tasks` folder. */
import { existsSync, readdirSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { nearest } from "../../base/index.ts";
import { projectErrors } from "../errors.ts";

const isFile = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isFile() === true;
const ending = /\.ya?ml$/;

/** Names of the tasks in the project's folder. */
function namesIn(folder: string): string[] {
  const tasks = join(folder, "tasks");
  if (!existsSync(tasks)) return [];
  return readdirSync(tasks)
    .filter(f => ending.test(f))
    .map(f => f.replace(ending, ""))
    .sort();
}

/** The tasks that are meant: those given, else all of the project's. Errors: project/argument where there is none. */
export function taskNames(given: readonly string[], folder: string): readonly string[] {
  if (given.length > 0) return given;
  const names = namesIn(folder);
  if (names.length > 0) return names;
  throw projectErrors.fail("argument", {
    place: "loam eval",
    expected: `a task: a file, or tasks in ${join(folder, "tasks")}`,
    received: "none",
    hint: "docs/evaluation.md shows how one is written.",
  });
}

/** Errors: project/argument with the nearest name. */
export function taskFile(given: string, folder: string, cwd: string): string {
  const path = resolve(cwd, given);
  if (isFile(path)) return path;
  const tasks = join(folder, "tasks");
  const names = namesIn(folder);
  const named = ["yaml", "yml"].map(e => join(tasks, `${given}.${e}`)).find(isFile);
  if (named) return named;
  const near = nearest(given, names);
  throw projectErrors.fail("argument", {
    place: "loam eval: task",
    expected: names.length ? `a task file, or one of ${names.join(", ")} in ${tasks}` : "a task file (YAML)",
    received: `"${given}"`,
    hint: near ? `Did you mean "${near}"?` : "docs/evaluation.md shows how one is written.",
  });
}
