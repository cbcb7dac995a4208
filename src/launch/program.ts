/** Programs of engines (`sbatch`, `scontrol`, `mpirun`) run to their end. */
import { spawn } from "node:child_process";
import { environment } from "../base/index.ts";
import { launchErrors } from "./errors.ts";

interface ProgramOptions {
  readonly input?: string;
  /** Beside the command's own variables. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** It is ended after so long; default: never. */
  readonly timeoutMs?: number;
  /** What to install where the program is not there. */
  readonly hint: string;
}

export interface ProgramEnd {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The error of a program that is not there. */
export const noEngine = (program: string, hint: string, cause?: unknown): Error =>
  launchErrors.fail("engine", { place: program, expected: "a program on the PATH", received: "none", hint }, cause);

/** Errors: launch/engine where the program is not there. */
export function runProgram(program: string, args: readonly string[], o: ProgramOptions): Promise<ProgramEnd> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, [...args], {
      env: { ...environment(), LC_ALL: "C", ...o.env },
      stdio: ["pipe", "pipe", "pipe"],
      ...(o.timeoutMs === undefined ? {} : { timeout: o.timeoutMs, killSignal: "SIGKILL" }),
      ...(o.cwd === undefined ? {} : { cwd: o.cwd }),
    });
    let [stdout, stderr] = ["", ""];
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
    });
    child.stdin.on("error", () => {});
    child.stdin.end(o.input ?? "");
    child.once("error", error => reject(noEngine(program, o.hint, error)));
    child.once("close", code => resolve({ code: code ?? 1, stdout, stderr }));
  });
}
