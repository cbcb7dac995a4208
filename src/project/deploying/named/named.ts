/** A deployment of `loam.yaml` by its name: its folder, its current generation, and the log of what was done to it. */
import { resolve } from "node:path";
import { type Json, sha256 } from "../../../base/index.ts";
import { type Deployment, deploymentText, type NamedDeployment } from "../../../deploy/index.ts";
import { setMark } from "../../../store/index.ts";
import { wrongArgument } from "../../errors.ts";
import { namedVersion } from "../../models/named-version.ts";
import { thisUser } from "../../person.ts";
import { findProject } from "../../project-file.ts";
import type { Workplace } from "../../workspace.ts";
import { readDeployment } from "../plan-folder.ts";
import { generationFolder, listGenerations } from "./generations.ts";

export interface FileDeployment {
  readonly name: string;
  readonly part: NamedDeployment;
  /** Absolute, and as the file has it. */
  readonly folder: string;
  readonly shown: string;
}

/** One deployment, or all. Errors: project/argument for a name that is not in the file, and where the file has none. */
export function namedDeployments(at: Workplace, name: string | undefined): FileDeployment[] {
  const project = findProject(at.folder);
  const { deployments } = project.config.deploy;
  const names = Object.keys(deployments);
  if (name !== undefined && !Object.hasOwn(deployments, name))
    throw wrongArgument(
      "loam deploy",
      names.length === 0 ? "a deployment of loam.yaml" : `one of ${names.join(", ")}`,
      `"${name}"`,
      "Add it under deploy.deployments of loam.yaml.",
    );
  return (name === undefined ? names : [name]).map(n => {
    const part = deployments[n]!;
    return { name: n, part, folder: resolve(project.folder, part.to), shown: part.to };
  });
}

export interface Current {
  readonly generation: number;
  readonly folder: string;
  readonly deployment: Deployment;
}

export function currentOf({ folder, shown }: FileDeployment): Current | undefined {
  const { current } = listGenerations(folder, shown);
  if (current === null) return undefined;
  const at = generationFolder(folder, current);
  return { generation: current, folder: at, deployment: readDeployment(at, `${shown}/current`) };
}

/** Who acts: an account that a server has checked, or a name. */
export interface DeploymentActor {
  readonly by: string;
  readonly isVerified: boolean;
}

const actOf = (act: string, { name, part }: FileDeployment, generation: number, d: Deployment, actor?: DeploymentActor): Json => ({
  deployment: name,
  act,
  target: part.target,
  generation,
  plan: sha256(deploymentText(d)),
  by: actor?.by ?? thisUser(),
  ...(actor?.isVerified ? { isVerified: true } : {}),
});

/** An entry of the artifact store's log: a mark of the version. */
export async function logDeploymentAct(
  at: Workplace,
  act: string,
  named: FileDeployment,
  generation: number,
  deployment: Deployment,
  /** Default: the user of this machine. */
  actor?: DeploymentActor,
): Promise<void> {
  const { model, version } = deployment;
  await using of = await namedVersion(at, `${model}@${version}`);
  const value = actOf(act, named, generation, deployment, actor);
  await setMark(of.store, { model, number: version, kind: "deployment", key: "next", value });
}
