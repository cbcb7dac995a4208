/** A version as a function of AWS Lambda: a zip archive for the managed Node, or an image, and a CloudFormation template around it. */
import { rmSync, writeFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { fileError, makeFolder, sha256, temporaryBeside } from "../../base/index.ts";
import {
  checkLambdaSize,
  type Deployment,
  deployErrors,
  functionEntries,
  imageArchitecture,
  type LambdaArguments,
  type LambdaWishes,
  lambdaArguments,
  lambdaTarget,
  type PlanArchive,
  programBytes,
  servingBundle,
  zipOf,
} from "../../deploy/index.ts";
import { libraryOf } from "../../tensor/index.ts";
import { progressFor, type Watch } from "../call.ts";
import { checkFree } from "../errors.ts";
import { fileDigest } from "../models/paths.ts";
import { packageFolder } from "../package.ts";
import type { Workplace } from "../workspace.ts";
import { type ApprovalOptions, type VersionToDeploy, versionToDeploy } from "./approved-version.ts";
import { deployImage } from "./deploy-image.ts";
import { type DeployedGuards, deployedGuards, guardBytes, guardMb } from "./deployed-guards.ts";
import { modelNeeds, neededMb, type StoredForm, servedFormOf } from "./model-needs.ts";
import { writePlan } from "./plan-folder.ts";
import { ownFiles, requantised } from "./stored-weights.ts";

export interface DeployLambdaOptions extends ApprovalOptions {
  /** A folder; nothing of that name may be there. */
  readonly to: string;
  /** Default: zip. */
  readonly package?: "zip" | "image" | undefined;
  /** Of zip: how the weights are stored. Default: as the version has them. */
  readonly weightsForm?: "as-is" | StoredForm | undefined;
  /** How the weights are served: exact, int8, int8-blocks or int4. Default: int8-blocks for weights that are quantised, else exact. */
  readonly quantize?: string | undefined;
  /** Of image: push it here, `HOST/REPOSITORY:TAG`, instead of writing image.tar. */
  readonly push?: string | undefined;
  /** Of image: as `loam deploy image --base`. */
  readonly base?: string | undefined;
  readonly plainHttp?: boolean | undefined;
  /** x64 or arm64; another than this machine's is an error. Default: this machine's. */
  readonly architecture?: string | undefined;
  /** Default: stream. */
  readonly mode?: "stream" | "buffered" | undefined;
  /** Who may call the URL. Default: iam. */
  readonly auth?: "iam" | "key" | undefined;
  /** Megabytes. Default: what the model needs, at least 1,769 (one processor). */
  readonly memoryMb?: number | undefined;
  /** Default: 300. */
  readonly timeoutSeconds?: number | undefined;
  /** Megabytes of /tmp. Default: 512. */
  readonly storageMb?: number | undefined;
  /** Reserved concurrency. Default: the account's. */
  readonly concurrency?: number | undefined;
  /** Concurrent sequences. Default: 1, for an environment answers one request at a time. */
  readonly slots?: number | undefined;
  /** Tokens of prompt and answer. Default: 4,096, or the model's where that is shorter. */
  readonly context?: number | undefined;
}

export interface DeployedLambda extends Deployment {
  /** Absolute. */
  readonly path: string;
}

const archiveName = "function.zip";
const imageName = "image.tar";
/** Memory that comes with one whole processor. */
const oneProcessorMb = 1_769;
const defaultContext = 4_096;
const memoryStepMb = 64;
/** Node and its libraries in an image, when nothing is built yet. */
const imageBaseBytes = 110_000_000;

const lambdaArchitectures: Readonly<Record<string, LambdaWishes["architecture"]>> = { amd64: "x86_64", arm64: "arm64" };
const ownNames: Readonly<Record<string, string>> = { x86_64: "x64", amd64: "x64", x64: "x64", arm64: "arm64", aarch64: "arm64" };

/** Native libraries of other processors are not installed here. Errors: deploy/wish, deploy/platform. */
function architectureOf(given: string | undefined): LambdaWishes["architecture"] {
  const own = lambdaArchitectures[imageArchitecture()]!;
  if (given === undefined || ownNames[given] === process.arch) return own;
  throw deployErrors.fail("wish", {
    place: "loam deploy lambda: --architecture",
    expected: `${process.arch}, whose native libraries are installed here`,
    received: given,
    hint: `Run it on a machine with that processor.`,
  });
}

const nativesHere = () => {
  const { package: name, file } = libraryOf(process.platform, process.arch, false);
  return [{ package: name, file }];
};

interface Packaged {
  readonly archive: PlanArchive | null;
  readonly archives: Readonly<Record<string, string>>;
  readonly unpackedBytes: number;
  readonly image: string | null;
}

/** Errors: deploy/tooLarge before anything is written but weights in fewer bits; base/diskFull. */
async function packZip(
  v: VersionToDeploy,
  o: DeployLambdaOptions,
  path: string,
  serve: LambdaArguments & { readonly guards: DeployedGuards | undefined },
  watch: Watch,
): Promise<Packaged> {
  const progress = progressFor(watch, "zip");
  const bundle = servingBundle(packageFolder, nativesHere());
  const needs = await modelNeeds(v.files, v.deployed);
  const { weightsForm: form = "as-is" } = o;
  const sizes = { programBytes: programBytes(bundle) + guardBytes(serve.guards), others: needs.others };
  const known = form === "as-is" ? needs.weights : (needs.others.find(w => w.form === form) ?? needs.weights);
  checkLambdaSize("zip", { ...sizes, weights: known });
  progress({ stage: "zip", done: 0, message: form === "as-is" ? "files" : `weights as ${form}` });
  using stored = form === "as-is" ? ownFiles(v) : await requantised(v, form, path);
  const weights = { form, sizeBytes: stored.files.reduce((sum, f) => sum + f.sizeBytes, 0) };
  checkLambdaSize("zip", { ...sizes, weights });
  watch.signal.throwIfAborted();
  const entries = await functionEntries(bundle, stored.files, { ...serve, model: v.deployed.model, servedDigest: stored.servedDigest });
  progress({ stage: "zip", done: 0.5, message: archiveName });
  const zip = zipOf(entries);
  const temporary = temporaryBeside(path);
  writeFileSync(temporary, zip, { flag: "wx" });
  return {
    archive: { path: archiveName, digest: sha256(zip), sizeBytes: zip.length },
    archives: { [archiveName]: temporary },
    unpackedBytes: entries.reduce((sum, e) => sum + e.bytes.length, 0),
    image: null,
  };
}

/** Errors: deploy/tooLarge before anything is built; those of `deployImage`. */
async function packImage(
  at: Workplace,
  given: string,
  v: VersionToDeploy,
  o: DeployLambdaOptions,
  path: string,
  watch: Watch,
): Promise<Packaged> {
  if (o.weightsForm !== undefined && o.weightsForm !== "as-is")
    throw deployErrors.fail("wish", {
      place: "loam deploy lambda: --weights-form",
      expected: "as-is with --package image, which holds the version's own files",
      received: o.weightsForm,
      hint: "Use --package zip, or --quantize to serve them in fewer bits.",
    });
  const needs = await modelNeeds(v.files, v.deployed);
  const bundle = servingBundle(packageFolder, nativesHere());
  checkLambdaSize("image", { programBytes: programBytes(bundle) + imageBaseBytes, weights: needs.weights, others: [] });
  const temporary = `${temporaryBeside(path)}.tar`;
  const { push, base, plainHttp, unapproved } = o;
  const where = push === undefined ? { to: temporary } : { push };
  const image = await deployImage(at, given, { ...where, base, plainHttp, unapproved }, watch);
  const unpackedBytes = (image.programBytes ?? programBytes(bundle) + imageBaseBytes) + needs.weights.sizeBytes;
  if (push !== undefined)
    return { archive: null, archives: {}, unpackedBytes, image: `${push.slice(0, push.lastIndexOf(":"))}@${image.digest}` };
  const { digest, sizeBytes } = await fileDigest(temporary);
  return { archive: { path: imageName, digest, sizeBytes }, archives: { [imageName]: temporary }, unpackedBytes, image: null };
}

/** Errors: deploy/unapproved, deploy/wish, deploy/tooLarge, deploy/platform, deploy/missing; project/exists; those of images; base/diskFull. */
export async function deployLambda(at: Workplace, given: string, o: DeployLambdaOptions, watch: Watch): Promise<DeployedLambda> {
  const path = resolve(at.cwd, o.to);
  checkFree(path, o.to);
  const architecture = architectureOf(o.architecture);
  await using version = await versionToDeploy(at, given, o, watch);
  await using guards = await deployedGuards(at, version.project, watch);
  const needs = await modelNeeds(version.files, version.deployed);
  const { package: kind = "zip", weightsForm = "as-is", mode = "stream", slots = 1 } = o;
  const form = servedFormOf(o.quantize, weightsForm === "as-is" ? needs.form : "int8-blocks", "loam deploy lambda: --quantize");
  const context = o.context ?? Math.min(defaultContext, needs.model.family === "decoder" ? needs.model.config.context : defaultContext);
  const needed = neededMb(needs, form, slots, context, "loam deploy lambda") + guardMb(guards);
  const wishes = {
    package: kind,
    architecture,
    mode,
    auth: o.auth === "key" ? "NONE" : "AWS_IAM",
    memoryMb: o.memoryMb ?? Math.max(oneProcessorMb, memoryStepMb * Math.ceil(needed / memoryStepMb)),
    timeoutSeconds: o.timeoutSeconds ?? 300,
    storageMb: o.storageMb ?? 512,
    concurrency: o.concurrency ?? null,
    weightsForm,
    form,
    neededMb: needed,
    unpackedBytes: 0,
    guards: guards?.digest ?? null,
    archive: null,
    image: null,
    command: kind === "image" ? lambdaArguments({ mode, slots, context, form }) : [],
  } satisfies LambdaWishes;
  // a wrong number is refused before anything is built
  lambdaTarget.plan(version.deployed, wishes);
  makeFolder(dirname(path));
  const packed =
    kind === "zip"
      ? await packZip(version, o, path, { mode, slots, context, form, guards }, watch)
      : await packImage(at, given, version, o, path, watch);
  try {
    const { archive, unpackedBytes, image, archives } = packed;
    const written = writePlan<LambdaWishes>(
      lambdaTarget,
      version.deployed,
      { ...wishes, archive, unpackedBytes, image },
      { cwd: at.cwd, to: o.to, archives },
    );
    return { ...written.deployment, path: written.path };
  } catch (error) {
    throw fileError(error, o.to);
  } finally {
    for (const file of Object.values(packed.archives)) rmSync(file, { force: true });
  }
}
