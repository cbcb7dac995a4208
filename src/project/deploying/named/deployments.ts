/** Deployments of `loam.yaml` by name: what would be written, what is, what differs, and back. Each act is an entry of the record's log. */
import { rmSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isLoamError, type Json, writeFileAtomic } from "../../../base/index.ts";
import {
  type ColorWishes,
  colorsOf,
  type Deployment,
  deployErrors,
  deploymentFile,
  deploymentText,
  otherColor,
  type PodColor,
} from "../../../deploy/index.ts";
import { isArchived } from "../../../store/index.ts";
import type { Watch } from "../../call.ts";
import { namedVersion } from "../../models/named-version.ts";
import type { Workplace } from "../../workspace.ts";
import { readDeployment } from "../plan-folder.ts";
import { type ClusterComparison, clusterOf } from "./cluster.ts";
import { changedKeys, editedFiles, type FileChange, plannedChanges, type ValueChange } from "./compare.ts";
import { type DeploymentRecord, deploymentRecord } from "./deployment-record.ts";
import { dropOldGenerations, generationFolder, listGenerations, prepareFolder, switchTo } from "./generations.ts";
import { type Current, currentOf, type DeploymentActor, type FileDeployment, logDeploymentAct, namedDeployments } from "./named.ts";
import { targetWriters } from "./target-writers.ts";
import { sendTraffic } from "./traffic.ts";

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

const plannedOf = ({ name, part }: FileDeployment, current: Current | undefined, next: Deployment): PlannedDeployment => ({
  name,
  target: part.target,
  model: next.model,
  version: next.version,
  deployedVersion: current?.deployment.version ?? null,
  changes: plannedChanges(current?.deployment, next),
  wishes: current ? changedKeys(current.deployment.wishes, next.wishes) : [],
  facts: next.facts,
});

/** Writes the plan of a target, with the wishes as loam.yaml has them: what `diff` compares. */
async function writeRequested(
  at: Workplace,
  { name, part, shown }: FileDeployment,
  to: string,
  current: Current | undefined,
  watch: Watch,
) {
  const plan = { to, place: `deploy.deployments.${name}.wishes`, previous: current?.folder };
  await targetWriters[part.target](at, part, plan, watch);
  const next: Deployment = { ...readDeployment(to, shown), requested: part.wishes };
  writeFileAtomic(join(to, deploymentFile), deploymentText(next), { durable: false });
  return next;
}

/** What `apply` would write, and how that differs from what is there. Nothing is written. Errors: those of the target. */
export async function planDeployments(at: Workplace, name: string | undefined, watch: Watch): Promise<PlannedDeployment[]> {
  const planned: PlannedDeployment[] = [];
  for (const named of namedDeployments(at, name)) {
    const current = currentOf(named);
    const scratch = await mkdtemp(join(tmpdir(), "loam-plan-"));
    try {
      const to = join(scratch, "plan");
      planned.push(plannedOf(named, current, await writeRequested(at, named, to, current, watch)));
    } finally {
      await rm(scratch, { recursive: true, force: true });
    }
  }
  return planned;
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
    const next = await writeRequested(at, named, to, current, watch);
    const planned = plannedOf(named, current, next);
    const isSame = current && deploymentText(current.deployment) === deploymentText(next);
    if (isSame && (await editedFiles(current.folder, current.deployment)).length === 0) {
      rmSync(to, { recursive: true, force: true });
      applied.push({ ...planned, generation: current.generation, changed: false, aliasMovedTo: null });
      continue;
    }
    await logDeploymentAct(at, "apply", named, generation, next);
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

/** What loam.yaml asked for; of keys that it asks for since then, what the deployment uses. */
const requestedOf = (
  { requested = {}, wishes }: Deployment,
  wanted: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> => ({
  ...Object.fromEntries(Object.keys(wanted).map(key => [key, (wishes as Readonly<Record<string, unknown>>)[key]])),
  ...requested,
});

/** Between what is deployed, what the registry has now, loam.yaml, and the cluster. */
export async function diffDeployments(at: Workplace, name: string | undefined, watch: Watch): Promise<DeploymentDiff[]> {
  const diffs: DeploymentDiff[] = [];
  for (const named of namedDeployments(at, name)) {
    const current = currentOf(named);
    const registryVersion = await versionNow(at, named.part.model);
    const files = current ? await editedFiles(current.folder, current.deployment) : [];
    const wanted = named.part.wishes as Readonly<Record<string, unknown>>;
    const wishes = current ? changedKeys(requestedOf(current.deployment, wanted), wanted) : [];
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

export interface DeploymentStatus extends DeploymentRecord {
  readonly name: string;
  readonly target: string;
  readonly model: string;
  readonly folder: string;
  readonly generation: number | null;
  readonly generations: readonly number[];
  /** The generation that `rollback` goes back to; null where there is none. */
  readonly goesBackTo: number | null;
  readonly deployedVersion: number | null;
  readonly registryVersion: number | null;
  readonly editedFiles: number;
  readonly cluster: ClusterState;
  /** Of blue/green, else null: which color and version gets requests, and which does not. */
  readonly colors: DeploymentColors | null;
  /**
   * `absent`: never applied; `behind`: the alias has another version; `edited`; `rolling`: pods of the new template are not all ready; `preview`: the new color
   * waits for `loam deploy switch`; `current`.
   */
  readonly state: "absent" | "behind" | "edited" | "rolling" | "unreachable" | "preview" | "current";
}

export interface ColoredVersion {
  readonly color: PodColor;
  readonly version: number;
}

export interface DeploymentColors {
  readonly live: ColoredVersion;
  /** The new version before the switch, the old one after it; null where one color is all there is. */
  readonly idle: ColoredVersion | null;
}

export function deploymentColors({ color, live, other }: ColorWishes, version: number): DeploymentColors {
  const own = { color, version };
  const beside = other ? { color: otherColor(color), version: other.version } : null;
  return color === live || !beside ? { live: own, idle: beside } : { live: beside, idle: own };
}

function stateOf(diff: DeploymentDiff, colors: ColorWishes | undefined): DeploymentStatus["state"] {
  if (diff.deployedVersion === null) return "absent";
  if (diff.cluster && "unreachable" in diff.cluster) return "unreachable";
  if (diff.cluster?.rollouts.some(r => !r.isComplete)) return "rolling";
  if (diff.files.length > 0 || diff.wishes.length > 0 || !isSteady(diff.cluster)) return "edited";
  if (diff.deployedVersion !== diff.registryVersion) return "behind";
  return colors && colors.color !== colors.live ? "preview" : "current";
}

/** The generation before the current one. */
const generationBefore = (numbers: readonly number[], current: number | null): number | undefined =>
  numbers.filter(n => n < (current ?? 0)).at(-1);

async function statusOf(at: Workplace, named: FileDeployment, diff: DeploymentDiff): Promise<DeploymentStatus> {
  const { files, wishes: _, isSame: __, ...rest } = diff;
  const { numbers } = listGenerations(named.folder, named.shown);
  const current = currentOf(named);
  const colors = current && colorsOf(current.deployment);
  return {
    ...rest,
    folder: named.folder,
    generations: numbers,
    goesBackTo: generationBefore(numbers, diff.generation) ?? null,
    editedFiles: files.length,
    colors: current && colors ? deploymentColors(colors, current.deployment.version) : null,
    ...(await deploymentRecord(at, named, current)),
    state: stateOf(diff, colors),
  };
}

export async function deploymentStatus(at: Workplace, name: string | undefined, watch: Watch): Promise<DeploymentStatus[]> {
  return (await deploymentViews(at, name, watch)).map(({ files: _, wishes: __, isSame: ___, ...status }) => status);
}

/** A deployment's status with its differences: files, wishes and cluster are read once for both. */
export type DeploymentView = DeploymentStatus & DeploymentDiff;

export async function deploymentViews(at: Workplace, name: string | undefined, watch: Watch): Promise<DeploymentView[]> {
  const diffs = await diffDeployments(at, name, watch);
  const named = new Map(namedDeployments(at, name).map(n => [n.name, n]));
  // one that loam.yaml lost meanwhile is left out
  const known = diffs.flatMap(diff => (named.has(diff.name) ? [{ diff, of: named.get(diff.name)! }] : []));
  return await Promise.all(known.map(async ({ diff, of }) => ({ ...diff, ...(await statusOf(at, of, diff)) })));
}

/** Errors: deploy/unapproved. */
async function checkNotArchived(at: Workplace, { model, version }: Deployment): Promise<void> {
  await using named = await namedVersion(at, `${model}@${version}`);
  if (await isArchived(named.store.records.read, model, version))
    throw deployErrors.fail("unapproved", {
      place: `${model}@${version}`,
      message: "it is archived",
      hint: "--unapproved goes back to it anyway.",
    });
}

export interface RolledBackDeployment {
  readonly name: string;
  readonly model: string;
  readonly from: { readonly generation: number; readonly version: number };
  readonly to: { readonly generation: number; readonly version: number };
}

interface RollbackOptions {
  /** Default: the generation before. */
  readonly to?: number | undefined;
  /** Also to a version that was archived meanwhile. */
  readonly unapproved?: boolean | undefined;
  /** For the log. Default: the user of this machine. */
  readonly actor?: DeploymentActor | undefined;
}

/**
 * The generation before, or a named one, becomes the current one. Errors: deploy/deployment where there is none or its files were edited; deploy/unapproved where
 * its version was archived meanwhile; deploy/notReady where the pods that it sends requests to are not all ready in the cluster of `KUBECONFIG`.
 */
export async function rollbackDeployment(
  at: Workplace,
  name: string,
  { to, unapproved = false, actor }: RollbackOptions,
  watch: Watch,
): Promise<RolledBackDeployment> {
  const [named] = namedDeployments(at, name) as [FileDeployment];
  const { folder, shown } = named;
  const { numbers } = listGenerations(folder, shown);
  const current = currentOf(named);
  const generation = to ?? generationBefore(numbers, current?.generation ?? null);
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
  if (!unapproved) await checkNotArchived(at, deployment);
  const act = () => logDeploymentAct(at, "rollback", named, generation, deployment, actor);
  // the color that it sends requests to has to be there
  const isSent = await sendTraffic(at2, deployment, { act, signal: watch.signal });
  if (!isSent) await act();
  switchTo(folder, generation);
  return {
    name,
    model: deployment.model,
    from: { generation: current.generation, version: current.deployment.version },
    to: { generation, version: deployment.version },
  };
}
