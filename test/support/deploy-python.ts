/** The Python environment with cfn-lint and spdx-tools (LOAM_DEPLOY_PYTHON, or the one under ~/.cache). */
import { execFileSync, spawnSync } from "node:child_process";
import { homedir } from "node:os";
import { dirname, join } from "node:path";

export const deployPython = process.env.LOAM_DEPLOY_PYTHON ?? join(homedir(), ".cache", "loam-deploy-venv", "bin", "python");

const has = (module: string): boolean => {
  try {
    execFileSync(deployPython, ["-c", `import ${module}`], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
};

/** Why a test with cfn-lint is skipped; empty where it is there. */
export const lacksLint = has("cfnlint") ? "" : "cfn-lint is not installed: LOAM_DEPLOY_PYTHON names no Python with it";

/** Why a test with SPDX's own library is skipped; empty where it is there. */
export const lacksSpdx = has("spdx_tools") ? "" : "spdx-tools is not installed: LOAM_DEPLOY_PYTHON names no Python with it";

/** What cfn-lint says of a template; empty where it is valid. */
export function lintTemplate(path: string): string {
  const { status, stdout, stderr } = spawnSync(join(dirname(deployPython), "cfn-lint"), ["--non-zero-exit-code", "warning", path], {
    encoding: "utf8",
  });
  return status === 0 ? "" : `${stdout}${stderr}` || `status ${status}`;
}
