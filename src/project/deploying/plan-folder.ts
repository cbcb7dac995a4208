/** A plan as a folder: whole or absent, with `loam-deployment.json` beside its files. */
import { chmodSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileError, makeFolder, syncFolder, temporaryBeside, writeFileAtomic } from "../../base/index.ts";
import {
  type DeployedVersion,
  type Deployment,
  type DeployPlan,
  type DeployTarget,
  deployErrors,
  deploymentFile,
  deploymentOf,
  deploymentText,
  parseDeployment,
} from "../../deploy/index.ts";
import { checkFree } from "../errors.ts";

const defaultMode = 0o644;

/** Modes are as given, whatever the process's umask is. */
function writeFile(path: string, text: string | Uint8Array, mode = defaultMode): void {
  writeFileAtomic(path, text, { durable: false, mode });
  chmodSync(path, mode);
}

interface WrittenPlan {
  /** Absolute. */
  readonly path: string;
  readonly deployment: Deployment;
}

interface PlanPlace {
  readonly cwd: string;
  /** As the user named it. */
  readonly to: string;
  /** Where the plan's archives were written, on the file system of `to`; they are moved. */
  readonly archives?: Readonly<Record<string, string>>;
}

/**
 * Plans and writes. `given` is a folder as the user named it, of which nothing exists yet; `cwd` is where it starts. Nothing is left behind on an error.
 * Errors: project/exists, deploy/wish, base/diskFull, base/readOnly, base/io.
 */
export function writePlan<Wishes extends object>(
  target: DeployTarget<Wishes>,
  version: DeployedVersion,
  wishes: Wishes,
  place: PlanPlace,
): WrittenPlan {
  const plan = target.plan(version, wishes);
  return writeDeployment(deploymentOf(target, version, wishes, plan), plan, place);
}

/** The same of a plan that is made already. */
export function writeDeployment(
  deployment: Deployment,
  plan: Pick<DeployPlan, "files" | "archives">,
  { cwd, to: given, archives = {} }: PlanPlace,
): WrittenPlan {
  const path = resolve(cwd, given);
  checkFree(path, given);
  makeFolder(dirname(path));
  const part = temporaryBeside(path);
  try {
    mkdirSync(part);
    for (const file of plan.files) writeFile(join(part, file.path), file.text, file.mode);
    for (const { path: name } of plan.archives ?? []) {
      chmodSync(archives[name]!, defaultMode);
      renameSync(archives[name]!, join(part, name));
    }
    writeFile(join(part, deploymentFile), deploymentText(deployment));
    renameSync(part, path);
    syncFolder(dirname(path));
  } catch (error) {
    throw fileError(error, given);
  } finally {
    rmSync(part, { recursive: true, force: true });
  }
  return { path, deployment };
}

/** What a folder that `loam deploy` wrote says of itself. Errors: deploy/deployment, base/config, base/unknownKey, base/io. */
export function readDeployment(folder: string, shown: string): Deployment {
  let text: string;
  try {
    text = readFileSync(join(folder, deploymentFile), "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw fileError(error, shown);
    throw deployErrors.fail("deployment", {
      place: shown,
      expected: `a folder that \`loam deploy\` wrote, with ${deploymentFile}`,
      received: "none",
      hint: "Name the folder that was given as --to.",
    });
  }
  return parseDeployment(text, join(shown, deploymentFile));
}
