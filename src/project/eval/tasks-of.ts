/** The tasks of the files that an evaluation names, and their groups. */
import { examplesAsTurns, type LoadedTask, readTasks, type TaskGroup } from "../../evaluate/index.ts";
import { projectErrors } from "../errors.ts";
import { documentItems } from "./document-items.ts";
import { taskFile } from "./task-files.ts";

/**
 * Tasks and groups of all files; `roots` are what the files are: a group where it tells a measure, else its tasks. Errors: those of the files; project/argument for a
 * name twice.
 */
export async function tasksOf(files: readonly string[], folder: string, cwd: string, limit: number | undefined, asTurns: boolean) {
  const tasks: LoadedTask[] = [];
  const groups: TaskGroup[] = [];
  const roots: string[] = [];
  const known = new Set<string>();
  for (const file of files) {
    const read = await readTasks(taskFile(file, folder, cwd), limit, documentItems(folder), asTurns ? examplesAsTurns : undefined);
    const own = read.tasks.map(t => t.task.task);
    for (const name of [...own, ...read.groups.map(g => g.name)]) {
      if (known.has(name))
        throw projectErrors.fail("argument", {
          place: "loam eval: task",
          expected: "tasks and groups of different names",
          received: `"${name}" twice`,
        });
      known.add(name);
    }
    tasks.push(...read.tasks);
    groups.push(...read.groups);
    // inner groups stand first
    const outer = read.groups.at(-1);
    roots.push(...(outer && outer.measures.length > 0 ? [outer.name] : own));
  }
  if (asTurns && !tasks.some(t => t.task.fewShot?.multiturn))
    throw projectErrors.fail("argument", {
      place: "loam eval --fewshot-as-multiturn",
      expected: "a task with examples (fewShot)",
      received: tasks.map(t => t.task.task).join(", "),
    });
  return { tasks, groups, roots };
}
