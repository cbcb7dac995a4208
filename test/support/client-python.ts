/** The Python environment with the clients of other servers (LOAM_SUITES/venv, which .ci/run makes; else the peers'), for tests that run them. */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { root } from "./child.ts";

const { LOAM_SUITES: suites, LOAM_SUITES_REASON: reason } = process.env;
export const clientPython: string =
  suites === undefined ? join(root, "bench", "peers", ".venv", "bin", "python") : join(suites, "venv", "bin", "python");

/** Why a test that imports `modules` is skipped; empty where they are there. */
export function lacksClients(modules: string): string {
  if (!existsSync(clientPython)) return reason ?? "there is no Python environment of clients: LOAM_SUITES names none";
  try {
    execFileSync(clientPython, ["-c", `import ${modules}`], { stdio: "ignore" });
    return "";
  } catch {
    return reason ?? `the Python environment of clients lacks one of ${modules}`;
  }
}
