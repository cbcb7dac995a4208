/** Deployments of `loam.yaml` by name: what would be written, what is, what differs, and back. Each act is an entry of the record's log. */
import { rmSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { isLoamError, type Json, sha256 } from "../../../base/index.ts";
import { type Deployment, deployErrors, deploymentText, type NamedDeployment } from "../../../deploy/index.ts";
import { isArchived, setMark } from "../../../store/index.ts";
import type { Watch } from "../../call.ts";
import { wrongArgument } from "../../errors.ts";
import { namedVersion } from "../../models/named-version.ts";
import { thisUser } from "../../person.ts";
import { findProject } from "../../project-file.ts";
import type { Workplace } from "../../workspace.ts";
import { readDeployment } from "../plan-folder.ts";
import { type ClusterComparison, clusterOf } from "./cluster.ts";
import { changedKeys, editedFiles, type FileChange, plannedChanges, type ValueChange } from "./compare.ts";
import { dropOldGenerations, generationFolder, listGenerations, prepareFolder, switchTo } from "./generations.ts";
import { targetWriters } from "./target-writers.ts";

interface Named {
  readonly name: string;
  readonly part: NamedDeployment;
  /** Absolute, and as the file has it. */
  readonly folder: string;
  readonly shown: string;
}

/** One deployment, or all. Errors: project/argument for a name that is not in the file, and where the file has none. */
function namedDeployments(at: Workplace, name: string | undefined): Named[] {
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

interface Current {
  readonly generation: number;
  readonly folder: string;
  readonly deployment: Deployment;
}

function currentOf({ folder, shown }: Named): Current | undefined {
  const { current } = listGenerations(folder, shown);
  if (current === null) return undefined;
  const at = generationFolder(folder, current);
  return { generation: current, folder: at, deployment: readDeployment(at, `${shown}/current`) };
}

/** The version that the deployment's name stands for now; null where there is none. */
async function versionNow(at: Workplace, model: string): Promise<number | null> {
  try {
    await using named = await namedVersion(at, model);
    return named.version.number;
  } catch (error) {
    if (isLoamError(error, "store/notFound")) return null;
    throw error;
  }
}

export interface PlannedDeployment {
  readonly name: string;
  readonly target: string;
  readonly model: string;
  readonly version: number;
  /** Null before the first generation. */
  readonly deployedVersion: number | null;
  readonly changes: readonly FileChange[];
  readonly wishes: readonly ValueChange[];
  readonly facts: Readonly<Record<string, Json>>;
}

export interface AppliedDeployment extends PlannedDeployment {
  readonly generation: number;
  /** False where the current generation is the same plan. */
  readonly changed: boolean;
  /** The version that the alias has after the switch, where it moved meanwhile. */
  readonly aliasMovedTo: number | null;
}

const plannedOf = ({ name, part }: Named, current: Current | undefined, next: Deployment): PlannedDeployment => ({
  name,
  target: part.target,
  model: next.model,
  version: next.version,
  deployedVersion: current?.deployment.version ?? null,
  changes: plannedChanges(current?.deployment, next),
  wishes: current ? changedKeys(current.deployment.wishes, next.wishes) : [],
  facts: next.facts,
});

/** What `apply` would write, and how that differs from what is there. Nothing is written. Errors: those of the target. */
export async function planDeployments(at: Workplace, name: string | undefined, watch: Watch): Promise<PlannedDeployment[]> {
  const planned: PlannedDeployment[] = [];
  for (const named of namedDeployments(at, name)) {
    const current = currentOf(named);
    const scratch = await mkdtemp(join(tmpdir(), "loam-plan-"));
    try {
      const to = join(scratch, "plan");
      await targetWriters[named.part.target](at, named.part, to, `deploy.deployments.${named.name}.wishes`, watch);
      planned.push(plannedOf(named, current, readDeployment(to, named.name)));
    } finally {
      await rm(scratch, { recursive: true, force: true });
    }
  }
  return planned;
}

const record = (act: string, { name, part }: Named, generation: number, d: Deployment): Json => ({
  deployment: name,
  act,
  target: part.target,
  generation,
  plan: sha256(deploymentText(d)),
  by: thisUser(),
});

async function logAct(at: Workplace, value: Json, { model, version }: Pick<Deployment, "model" | "version">): Promise<void> {
  await using named = await namedVersion(at, `${model}@${version}`);
  await setMark(named.store, { model, number: version, kind: "deployment", key: "next", value });
}

/** Writes a generation and makes it the current one, in one step. Errors: those of the target; deploy/deployment, project/exists where two run at once. */
export async function applyDeployments(at: Workplace, name: string | undefined, watch: Watch): Promise<AppliedDeployment[]> {
  const applied: AppliedDeployment[] = [];
  for (const named of namedDeployments(at, name)) {
    const { folder, shown, part } = named;
    prepareFolder(folder);
    const before = listGenerations(folder, shown);
    const current = currentOf(named);
    const generation = (before.numbers.at(-1) ?? 0) + 1;
    const to = generationFolder(folder, generation);
    await targetWriters[part.target](at, part, to, `deploy.deployments.${named.name}.wishes`, watch);
    const next = readDeployment(to, shown);
    const planned = plannedOf(named, current, next);
    const isSame = current && deploymentText(current.deployment) === deploymentText(next);
    if (isSame && (await editedFiles(current.folder, current.deployment)).length === 0) {
      rmSync(to, { recursive: true, force: true });
      applied.push({ ...planned, generation: current.generation, changed: false, aliasMovedTo: null });
      continue;
    }
    await logAct(at, record("apply", named, generation, next), next);
    switchTo(folder, generation);
    dropOldGenerations(folder, listGenerations(folder, shown));
    const now = await versionNow(at, part.model);
    const aliasMovedTo = now === null || now === next.version ? null : now;
    if (aliasMovedTo !== null)
      watch.emit({
        event: "warning",
        message: `loam: ${named.name}: ${part.model} moved to version ${aliasMovedTo} while version ${next.version} was deployed. Run \`loam deploy apply ${named.name}\` again.`,
      });
    applied.push({ ...planned, generation, changed: true, aliasMovedTo });
  }
  return applied;
}

export type ClusterState = ClusterComparison | { readonly unreachable: string } | null;

export interface DeploymentDiff {
  readonly name: string;
  readonly target: string;
  readonly model: string;
  readonly generation: number | null;
  readonly deployedVersion: number | null;
  /** Null where the alias or the model is gone. */
  readonly registryVersion: number | null;
  /** Files that were edited since they were written. */
  readonly files: readonly FileChange[];
  /** Wishes of loam.yaml that the plan was not made with. */
  readonly wishes: readonly ValueChange[];
  /** Null for a deployment without manifests, and without KUBECONFIG. */
  readonly cluster: ClusterState;
  readonly isSame: boolean;
}

const isSteady = (cluster: ClusterState): boolean => cluster === null || (!("unreachable" in cluster) && cluster.drift.length === 0);

/** Between what is deployed, what the registry has now, loam.yaml, and the cluster. */
export async function diffDeployments(at: Workplace, name: string | undefined, watch: Watch): Promise<DeploymentDiff[]> {
  const diffs: DeploymentDiff[] = [];
  for (const named of namedDeployments(at, name)) {
    const current = currentOf(named);
    const registryVersion = await versionNow(at, named.part.model);
    const files = current ? await editedFiles(current.folder, current.deployment) : [];
    const wanted = named.part.wishes as Readonly<Record<string, unknown>>;
    const made = Object.fromEntries(Object.entries(current?.deployment.wishes ?? {}).filter(([key]) => Object.hasOwn(wanted, key)));
    const wishes = current ? changedKeys(made, wanted) : [];
    const cluster = current ? await clusterOf(current.folder, current.deployment, watch.signal) : null;
    const deployedVersion = current?.deployment.version ?? null;
    const isSame =
      current !== undefined && deployedVersion === registryVersion && files.length === 0 && wishes.length === 0 && isSteady(cluster);
    diffs.push({
      name: named.name,
      target: named.part.target,
      model: named.part.model,
      generation: current?.generation ?? null,
      deployedVersion,
      registryVersion,
      files,
      wishes,
      cluster,
      isSame,
    });
  }
  return diffs;
}

export interface DeploymentStatus {
  readonly name: string;
  readonly target: string;
  readonly model: string;
  readonly folder: string;
  readonly generation: number | null;
  readonly generations: readonly number[];
  readonly deployedVersion: number | null;
  readonly registryVersion: number | null;
  readonly editedFiles: number;
  readonly cluster: ClusterState;
  /** `absent`: never applied; `behind`: the alias has another version; `edited`; `rolling`: pods of the new template are not all ready; `current`. */
  readonly state: "absent" | "behind" | "edited" | "rolling" | "unreachable" | "current";
}

function stateOf(diff: DeploymentDiff): DeploymentStatus["state"] {
  if (diff.deployedVersion === null) return "absent";
  if (diff.cluster && "unreachable" in diff.cluster) return "unreachable";
  if (diff.cluster?.rollouts.some(r => !r.isComplete)) return "rolling";
  if (diff.files.length > 0 || diff.wishes.length > 0 || !isSteady(diff.cluster)) return "edited";
  return diff.deployedVersion === diff.registryVersion ? "current" : "behind";
}

export async function deploymentStatus(at: Workplace, name: string | undefined, watch: Watch): Promise<DeploymentStatus[]> {
  const diffs = await diffDeployments(at, name, watch);
  return namedDeployments(at, name).map((named, i) => {
    const diff = diffs[i]!;
    const { files, wishes: _, isSame: __, ...rest } = diff;
    const { numbers } = listGenerations(named.folder, named.shown);
    return { ...rest, folder: named.folder, generations: numbers, editedFiles: files.length, state: stateOf(diff) };
  });
}

export interface RolledBackDeployment {
  readonly name: string;
  readonly model: string;
  readonly from: { readonly generation: number; readonly version: number };
  readonly to: { readonly generation: number; readonly version: number };
}

/**
 * The generation before, or a named one, becomes the current one. Errors: deploy/deployment where there is none or its files were edited; deploy/unapproved where
 * its version was archived meanwhile.
 */
export async function rollbackDeployment(
  at: Workplace,
  name: string,
  { to, unapproved = false }: { readonly to?: number | undefined; readonly unapproved?: boolean | undefined } = {},
): Promise<RolledBackDeployment> {
  const [named] = namedDeployments(at, name) as [Named];
  const { folder, shown } = named;
  const { numbers } = listGenerations(folder, shown);
  const current = currentOf(named);
  const generation = to ?? numbers.filter(n => n < (current?.generation ?? 0)).at(-1);
  const missing = (received: string) =>
    deployErrors.fail("deployment", {
      place: name,
      expected: "a generation to go back to",
      received,
      hint: "`loam deploy status` lists them.",
    });
  if (!current || generation === undefined) throw missing(current ? `generation ${current.generation} alone` : "none");
  if (!numbers.includes(generation) || generation === current.generation)
    throw missing(`generation ${generation} of ${numbers.join(", ")}, of which ${current.generation} is the current one`);
  const at2 = generationFolder(folder, generation);
  const deployment = readDeployment(at2, `${shown}/generations/${generation}`);
  const edited = await editedFiles(at2, deployment);
  if (edited.length > 0) throw missing(`generation ${generation}, whose ${edited[0]!.path} was ${edited[0]!.change}`);
  await using version = await namedVersion(at, `${deployment.model}@${deployment.version}`);
  if (!unapproved && (await isArchived(version.store.records.read, deployment.model, deployment.version)))
    throw deployErrors.fail("unapproved", {
      place: `${deployment.model}@${deployment.version}`,
      message: "it is archived",
      hint: "--unapproved goes back to it anyway.",
    });
  await logAct(at, record("rollback", named, generation, deployment), deployment);
  switchTo(folder, generation);
  return {
    name,
    model: deployment.model,
    from: { generation: current.generation, version: current.deployment.version },
    to: { generation, version: deployment.version },
  };
}
