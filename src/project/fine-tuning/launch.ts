/** A fine-tuning job's child process: `loam tune jobs` again, with a channel whose end tells it that the server is gone. */
import { spawn } from "node:child_process";
import { setPriority } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { environment } from "../../base/index.ts";
import type { LaunchWork, WorkEnd, WorkEvent } from "../../tune/index.ts";
import { packageFolder } from "../package.ts";

/** Whoever waits for an answer comes before what trains. */
const niceness = 10;
/** Characters of its last words that are kept. */
const lastWords = 2000;

type Line = WorkEvent | { readonly event: "progress" | "result" | "stage" } | { readonly error: NonNullable<WorkEnd["error"]> };

/** Launches the work of jobs of the project in `folder`. */
export const launchIn =
  (folder: string): LaunchWork =>
  (id, work, onEvent) => {
    const args = ["tune", "jobs", "work", id, "--only", work, "--project", folder, "--json"];
    const child = spawn(process.execPath, [join(packageFolder, "bin", "loam.js"), ...args], {
      stdio: ["ignore", "pipe", "pipe", "ipc"],
      cwd: folder,
      env: environment(),
    });
    try {
      if (child.pid !== undefined) setPriority(child.pid, niceness);
    } catch {
      // it has ended already, or the system has no priorities
    }
    let said = "";
    let error: WorkEnd["error"];
    child.stderr!.setEncoding("utf8").on("data", (text: string) => {
      said = (said + text).slice(-lastWords);
    });
    const lines = createInterface({ input: child.stdout! });
    lines.on("line", line => {
      if (!line.startsWith("{")) return;
      const told = JSON.parse(line) as Line;
      if ("error" in told) error = told.error;
      else if (told.event === "checked" || told.event === "step" || told.event === "trained") onEvent(told);
    });
    const ended = new Promise<WorkEnd>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (code, killedBy) => {
        const lastLine = said
          .trim()
          .split("\n")
          .at(-1)
          ?.replace(/^loam: /, "");
        resolve({ code, killedBy, error: error ?? (lastLine ? { code: "internal_error", sentence: lastLine } : undefined) });
      });
    });
    return { ended, stop: () => void child.kill("SIGTERM") };
  };
