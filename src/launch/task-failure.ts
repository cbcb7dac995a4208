/** The error of a task that ended with one of its own: the last sentence of its log. */
import { launchErrors } from "./errors.ts";
import type { Launcher, LaunchJob, RunningJob, TaskState } from "./launcher.ts";
import { isNoProgram, lastSentence } from "./task-end.ts";

export const taskPlace = ({ engine }: Launcher, { name }: LaunchJob, index: number): string => `${name}, task ${index} (${engine})`;

/** launch/program where a node could not start the program, else launch/task. */
export async function taskFailure(
  launcher: Launcher,
  job: LaunchJob,
  running: RunningJob,
  index: number,
  { exitCode, reason }: TaskState & { readonly state: "failed" },
): Promise<Error> {
  const sentence = lastSentence(await running.logs(index).catch(() => ""));
  const place = taskPlace(launcher, job, index);
  if (!isNoProgram(exitCode)) return launchErrors.fail("task", { place, message: sentence ?? reason });
  return launchErrors.fail("program", {
    place,
    message: `${sentence ?? reason}${sentence === undefined ? ` (${job.program ?? "the image's entry point"})` : ""}`,
    hint: "Install Node.js and Loam under the same path on every node, or say how nodes start it by `launch.command` in loam.yaml.",
  });
}
