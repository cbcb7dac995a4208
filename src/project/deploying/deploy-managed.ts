/** A version for managed platforms: an endpoint of Amazon SageMaker, a service of Google Cloud Run, a function app of Azure Functions. */
import { rmSync, writeFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { fileError, makeFolder, sha256, temporaryBeside } from "../../base/index.ts";
import {
  type AzureFunctionsWishes,
  azureFunctionsTarget,
  type CloudRunWishes,
  cloudRunTarget,
  type Deployment,
  type DeployTarget,
  functionAppEntries,
  type SageMakerVariant,
  type SageMakerWishes,
  sageMakerTarget,
  servingBundle,
  writeModelArchive,
  zipOf,
} from "../../deploy/index.ts";
import { libraryOf } from "../../tensor/index.ts";
import { progressFor, type Watch } from "../call.ts";
import { checkFree, wrongArgument } from "../errors.ts";
import { packageFolder } from "../package.ts";
import type { Workplace } from "../workspace.ts";
import { type ApprovalOptions, type VersionToDeploy, versionToDeploy } from "./approved-version.ts";
import { deployedGuards, guardMb } from "./deployed-guards.ts";
import { modelNeeds, neededMb, type StoredForm, servedFormOf } from "./model-needs.ts";
import { writePlan } from "./plan-folder.ts";
import { ownFiles, requantised } from "./stored-weights.ts";

export interface ManagedOptions extends ApprovalOptions {
  /** A folder; nothing of that name may be there. */
  readonly to: string;
  /** How the weights are served: exact, int8, int8-blocks or int4. Default: int8-blocks for weights that are quantised, else exact. */
  readonly quantize?: string | undefined;
  /** Concurrent sequences. Default: 8. */
  readonly slots?: number | undefined;
  /** Tokens of prompt and answer. Default: 4,096, or the model's where that is shorter. */
  readonly context?: number | undefined;
}

export interface DeploySageMakerOptions extends ManagedOptions {
  /** Default: real-time. */
  readonly kind?: SageMakerWishes["kind"] | undefined;
  /** Default: ml.c7i.xlarge. */
  readonly instance?: string | undefined;
  /** LEAST:MOST. Default: 1:1; async: 0:1. */
  readonly instances?: readonly [number, number] | undefined;
  readonly memoryMb?: number | undefined;
  /** Of serverless. Default: 5. */
  readonly concurrency?: number | undefined;
  /** Of this version among `others`. Default: 1. */
  readonly weight?: number | undefined;
  readonly others?: readonly SageMakerVariant[] | undefined;
  readonly shadow?: SageMakerVariant | undefined;
}

export interface DeployCloudRunOptions extends ManagedOptions {
  /** By its digest: `loam deploy image --push` writes it. */
  readonly image: string;
  readonly memoryMb?: number | undefined;
  readonly processors?: number | undefined;
  /** Default: 300. */
  readonly timeoutSeconds?: number | undefined;
  /** LEAST:MOST. Default: 0:10. */
  readonly instances?: readonly [number, number] | undefined;
}

export interface DeployAzureFunctionsOptions extends ManagedOptions {
  /** How the weights are stored. Default: as the version has them. */
  readonly weightsForm?: "as-is" | StoredForm | undefined;
  /** Who may call. Default: function, with a key of the function. */
  readonly auth?: "anonymous" | "function" | undefined;
  /** For Container Apps, by its digest: then containerapp.yaml is written too. */
  readonly image?: string | undefined;
}

export interface DeployedFolder extends Deployment {
  /** Absolute. */
  readonly path: string;
}

const defaultContext = 4_096;

interface Prepared {
  readonly slots: number;
  readonly context: number;
  readonly form: string;
  readonly neededMb: number;
}

async function prepared(target: string, v: VersionToDeploy, o: ManagedOptions, isStored = false): Promise<Prepared> {
  const needs = await modelNeeds(v.files, v.deployed);
  const { slots = 8 } = o;
  const context = o.context ?? Math.min(defaultContext, needs.model.family === "decoder" ? needs.model.config.context : defaultContext);
  const form = servedFormOf(o.quantize, isStored ? "int8-blocks" : needs.form, `loam deploy ${target}: --quantize`);
  return { slots, context, form, neededMb: neededMb(needs, form, slots, context, `loam deploy ${target}`) };
}

/** Writes the plan with an archive that `make` writes to the path that it is given; the archive is gone where something fails. */
async function withArchive<Wishes extends object>(
  at: Workplace,
  o: ManagedOptions,
  v: VersionToDeploy,
  target: DeployTarget<Wishes>,
  name: string,
  make: (path: string) => Promise<Wishes>,
): Promise<DeployedFolder> {
  const path = resolve(at.cwd, o.to);
  makeFolder(dirname(path));
  const temporary = temporaryBeside(path);
  try {
    const wishes = await make(temporary);
    const written = writePlan(target, v.deployed, wishes, { cwd: at.cwd, to: o.to, archives: { [name]: temporary } });
    return { ...written.deployment, path: written.path };
  } catch (error) {
    throw fileError(error, o.to);
  } finally {
    rmSync(temporary, { force: true });
  }
}

const modelArchive = "model.tar.gz";

/** Errors: deploy/unapproved, deploy/wish, deploy/tooLarge; project/exists; base/diskFull. */
export async function deploySageMaker(at: Workplace, given: string, o: DeploySageMakerOptions, watch: Watch): Promise<DeployedFolder> {
  checkFree(resolve(at.cwd, o.to), o.to);
  await using version = await versionToDeploy(at, given, o, watch);
  const { kind = "real-time" } = o;
  const wishes: SageMakerWishes = {
    ...(await prepared("sagemaker", version, o)),
    archive: null,
    kind,
    instance: o.instance ?? "ml.c7i.xlarge",
    instances: o.instances ?? (kind === "async" ? [0, 1] : [1, 1]),
    memoryMb: o.memoryMb ?? null,
    concurrency: o.concurrency ?? 5,
    weight: o.weight ?? 1,
    others: o.others ?? [],
    shadow: o.shadow ?? null,
  };
  // a wrong number is refused before anything is packed
  sageMakerTarget.plan(version.deployed, wishes);
  return await withArchive(at, o, version, sageMakerTarget, modelArchive, async path => {
    progressFor(watch, "archive")({ stage: "archive", done: 0, message: modelArchive });
    using own = ownFiles(version);
    return { ...wishes, archive: { path: modelArchive, ...(await writeModelArchive(own.files, path, watch.signal)) } };
  });
}

/** Errors: deploy/unapproved, deploy/wish, deploy/tooLarge; project/exists, project/argument. */
export async function deployCloudRun(at: Workplace, given: string, o: DeployCloudRunOptions, watch: Watch): Promise<DeployedFolder> {
  checkFree(resolve(at.cwd, o.to), o.to);
  if (o.image === "")
    throw wrongArgument("loam deploy cloud-run", "--image HOST/REPOSITORY@sha256:...", "none", "`loam deploy image --push` writes one.");
  await using version = await versionToDeploy(at, given, o, watch);
  const wishes: CloudRunWishes = {
    ...(await prepared("cloud-run", version, o)),
    image: o.image,
    memoryMb: o.memoryMb ?? null,
    processors: o.processors ?? null,
    timeoutSeconds: o.timeoutSeconds ?? 300,
    instances: o.instances ?? [0, 10],
  };
  const written = writePlan(cloudRunTarget, version.deployed, wishes, { cwd: at.cwd, to: o.to });
  return { ...written.deployment, path: written.path };
}

const appArchive = "functionapp.zip";

/** Errors: deploy/unapproved, deploy/wish, deploy/tooLarge, deploy/missing; project/exists; base/diskFull. */
export async function deployAzureFunctions(
  at: Workplace,
  given: string,
  o: DeployAzureFunctionsOptions,
  watch: Watch,
): Promise<DeployedFolder> {
  checkFree(resolve(at.cwd, o.to), o.to);
  await using version = await versionToDeploy(at, given, o, watch);
  await using guards = await deployedGuards(at, version.project, watch);
  const { weightsForm = "as-is", auth = "function", image = null } = o;
  const model = await prepared("azure-functions", version, o, weightsForm !== "as-is");
  const known = { ...model, neededMb: model.neededMb + guardMb(guards) };
  const wishes: AzureFunctionsWishes = { ...known, archive: null, unpackedBytes: 0, guards: guards?.digest ?? null, auth, image };
  azureFunctionsTarget.plan(version.deployed, wishes);
  return await withArchive(at, o, version, azureFunctionsTarget, appArchive, async path => {
    progressFor(watch, "zip")({ stage: "zip", done: 0, message: appArchive });
    const { package: name, file } = libraryOf(process.platform, process.arch, false);
    using stored = weightsForm === "as-is" ? ownFiles(version) : await requantised(version, weightsForm, path);
    const app = { ...known, model: version.deployed.model, servedDigest: stored.servedDigest, guards, auth };
    const entries = await functionAppEntries(servingBundle(packageFolder, [{ package: name, file }]), stored.files, app);
    const zip = zipOf(entries);
    writeFileSync(path, zip, { flag: "wx" });
    const unpackedBytes = entries.reduce((sum, e) => sum + e.bytes.length, 0);
    return { ...wishes, unpackedBytes, archive: { path: appArchive, digest: sha256(zip), sizeBytes: zip.length } };
  });
}
