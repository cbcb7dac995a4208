/** The Python environment with cfn-lint (LOAM_DEPLOY_PYTHON, or the one under ~/.cache). */
import { execFileSync, spawnSync } from "node:child_process";
import { homedir } from "node:os";
import { join } from "node:path";

const python = process.env.LOAM_DEPLOY_PYTHON ?? join(homedir(), ".cache", "loam-deploy-venv", "bin", "python");

const has = (): boolean => {
  try {
    execFileSync(python, ["-c", "import cfnlint"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
};

/** Why a test with cfn-lint is skipped; empty where it is there. */
export const lacksLint = has() ? "" : "cfn-lint is not installed: LOAM_DEPLOY_PYTHON names no Python with it";

/** What cfn-lint says of a template; empty where it is valid. */
export function lintTemplate(path: string): string {
  const { status, stdout, stderr } = spawnSync(python, ["-m", "cfnlint", "--non-zero-exit-code", "warning", path], { encoding: "utf8" });
  return status === 0 ? "" : `${stdout}${stderr}` || `status ${status}`;
}
