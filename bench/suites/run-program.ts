/**
 * A program with all the processes that it starts, as one process group: a signal to this process goes to the program, whatever of the group is left
 * at its end is killed, and a second signal kills at once.
 */
import { spawn } from "node:child_process";
import { constants } from "node:os";

const stopping = ["SIGINT", "SIGTERM", "SIGHUP"] as const satisfies readonly NodeJS.Signals[];

/** A run that a signal ended. `exitCode`: 128 and the signal's number, as shells have it. */
export class Stopped extends Error {
  readonly exitCode: number;

  constructor(program: string, signal: NodeJS.Signals) {
    super(`${program}: stopped by ${signal}`);
    this.exitCode = 128 + constants.signals[signal];
  }
}

/** Kills a group; one that has no process left is no error. */
function killGroup(id: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-id, signal);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && (error.code === "ESRCH" || error.code === "EPERM"))) throw error;
  }
}

/**
 * Runs it with what it says passed on to stderr, or written to the file `log`; gives its exit code. Errors: Stopped, after all of its processes have
 * ended, where this process was sent SIGINT, SIGTERM or SIGHUP.
 */
export function runProgram(
  program: string,
  args: readonly string[],
  { env = {}, log = process.stderr }: { readonly env?: Readonly<Record<string, string>>; readonly log?: number | NodeJS.WriteStream } = {},
): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, [...args], { stdio: ["ignore", log, log], env: { ...process.env, ...env }, detached: true });
    const { pid } = child;
    let sent: NodeJS.Signals | undefined;
    const forward = (signal: NodeJS.Signals): void => {
      if (pid === undefined) return;
      if (sent !== undefined) killGroup(pid, "SIGKILL");
      else child.kill(signal);
      sent ??= signal;
    };
    for (const signal of stopping) process.on(signal, forward);
    const done = (): void => {
      for (const signal of stopping) process.off(signal, forward);
      if (pid !== undefined) killGroup(pid, "SIGKILL");
    };
    child.once("error", error => {
      done();
      reject(error);
    });
    child.once("exit", code => {
      done();
      if (sent === undefined) resolve(code ?? 1);
      else reject(new Stopped(program, sent));
    });
  });
}
