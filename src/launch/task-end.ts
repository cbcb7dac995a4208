/** How a task ended, from an exit code or a signal; and the sentence of a log that says why. */
import { redact } from "../base/index.ts";
import type { TaskState } from "./launcher.ts";

/** A shell's code for a command that a signal ended is 128 and the signal's number; Loam's own 130 is a stop in good order by a signal. */
const firstSignal = 128;
const lastSignal = 128 + 64;
const signalNames: Readonly<Record<number, string>> = {
  1: "SIGHUP",
  2: "SIGINT",
  6: "SIGABRT",
  9: "SIGKILL",
  11: "SIGSEGV",
  15: "SIGTERM",
};

export const signalName = (number: number): string => signalNames[number] ?? `signal ${number}`;

/** The program could not be started (127: not found, 126: no program), as a shell says it. */
export const isNoProgram = (exitCode: number | null): boolean => exitCode === 126 || exitCode === 127;

/** The state of an ended task by its exit code. */
export function endedBy(code: number): TaskState {
  if (code === 0) return { state: "succeeded" };
  if (code > firstSignal && code <= lastSignal) return { state: "killed", reason: `killed by ${signalName(code - firstSignal)}` };
  const why = isNoProgram(code) ? "the program could not be started" : "exit code";
  return { state: "failed", exitCode: code, reason: isNoProgram(code) ? `${why} (exit code ${code})` : `${why} ${code}` };
}

/** Characters of a sentence that are kept. */
const sentenceLength = 600;

/** The last sentence of a log: an error of `loam --json`, else its last line. Undefined where it is empty. */
export function lastSentence(log: string): string | undefined {
  const lines = log.split("\n").filter(l => l.trim() !== "");
  for (const line of lines.toReversed().slice(0, 50)) {
    if (!line.startsWith("{")) continue;
    try {
      const sentence = (JSON.parse(line) as { readonly error?: { readonly sentence?: unknown } }).error?.sentence;
      if (typeof sentence === "string") return sentence;
    } catch {}
  }
  const last = lines.findLast(l => !l.startsWith("{")) ?? lines.at(-1);
  return last === undefined ? undefined : redact(last.replace(/^loam: /, "").slice(0, sentenceLength));
}
