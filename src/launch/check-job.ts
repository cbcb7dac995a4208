/** What no engine is given: jobs whose numbers or names are out of range. */
import { launchErrors } from "./errors.ts";
import type { LaunchJob } from "./launcher.ts";

/** Tasks of a job; a Slurm array has 1,001 by default, a Kubernetes Indexed Job 100,000. */
const mostTasks = 1000;
const namePattern = /^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$/;
const variablePattern = /^[A-Za-z_][A-Za-z0-9_]*$/;

const fail = (key: string, expected: string, received: string) => launchErrors.fail("job", { place: `job: ${key}`, expected, received });

/** The program of a job for an engine without images. Errors: launch/job. */
export function taskProgram({ program }: LaunchJob): string {
  if (program === undefined || program === "") throw fail("program", "a path or a name", "none");
  return program;
}

/** Errors: launch/job. */
export function checkJob(job: LaunchJob): void {
  const { name, indexes, tasks, cpus, memoryBytes, env } = job;
  if (!namePattern.test(name)) throw fail("name", "at most 40 lower-case letters, digits and -", JSON.stringify(name));
  if (!Number.isInteger(tasks) || tasks < 0 || tasks > mostTasks) throw fail("tasks", `0 to ${mostTasks}`, String(tasks));
  const wrong = indexes.find((n, i) => !Number.isInteger(n) || n < 0 || n >= tasks || indexes.indexOf(n) !== i);
  if (wrong !== undefined) throw fail("indexes", `different numbers from 0 to ${tasks - 1}`, String(wrong));
  if (!Number.isInteger(cpus) || cpus < 1) throw fail("cpus", "a whole number from 1", String(cpus));
  if (memoryBytes !== undefined && !(memoryBytes >= 2 ** 20)) throw fail("memoryBytes", "at least 1 MiB", String(memoryBytes));
  const variable = Object.keys(env).find(n => !variablePattern.test(n));
  if (variable !== undefined) throw fail("env", "names of letters, digits and _", JSON.stringify(variable));
}
