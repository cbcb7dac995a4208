/** A version as objects of Kubernetes, written into a folder: plain manifests, a kustomize base or a Helm chart. */

import { resolve } from "node:path";
import { defined, formatBytes, parseCount } from "../../base/index.ts";
import {
  type Autoscaler,
  type ColorWishes,
  type DeployedVersion,
  deployErrors,
  deploymentOf,
  deploymentText,
  imageArchitecture,
  type KubernetesFormat,
  type KubernetesWishes,
  kubernetesTarget,
  type MemoryPlan,
  memoryPlan,
  nextColors,
  type PodColor,
  type PodForm,
  type RolloutStrategy,
} from "../../deploy/index.ts";
import { parseReference } from "../../registry/index.ts";
import type { Watch } from "../call.ts";
import { checkFree, wrongArgument } from "../errors.ts";
import type { Workplace } from "../workspace.ts";
import { type ApprovalOptions, versionToDeploy } from "./approved-version.ts";
import { checkImage } from "./check-image.ts";
import { deployedGuards } from "./deployed-guards.ts";
import { writePlan } from "./plan-folder.ts";
import { readPreviousColors } from "./read-plan.ts";
import { longestAnswerSeconds } from "./saturation/figures.ts";
import { readMeasuredServing, type SaturationFigures } from "./saturation/measured-file.ts";
import { servedSizes } from "./served-sizes.ts";

export interface DeployKubernetesOptions extends ApprovalOptions {
  /** A folder; nothing of that name may be there. */
  readonly to: string;
  /** The image of the version: `HOST/REPOSITORY@sha256:...` or a tag. */
  readonly image: string;
  /** Default: `plain`. */
  readonly format?: KubernetesFormat | undefined;
  /** Look at the image in its registry: its version, its processor, its digest. */
  readonly checkImage?: boolean | undefined;
  /** Speak HTTP to the registry, not HTTPS. */
  readonly plainHttp?: boolean | undefined;
  /** Of the objects; default: the model's. */
  readonly name?: string | undefined;
  readonly namespace?: string | undefined;
  /** amd64 or arm64; default: this machine's. */
  readonly architecture?: string | undefined;
  /** Default: those of the measurement, else 8. */
  readonly slots?: number | undefined;
  /** Default: what the model was trained for, 8192 at most. */
  readonly context?: number | undefined;
  /** Default: `exact`. */
  readonly quantize?: PodForm | undefined;
  /** Cores that a pod requests; default: 1. */
  readonly cpu?: number | undefined;
  /** A file of `loam deploy measure`. */
  readonly measured?: string | undefined;
  /** Tokens per second that the replicas together should generate; needs `measured`. */
  readonly load?: number | undefined;
  /** Default: what the load needs, at least 2. */
  readonly minReplicas?: number | undefined;
  /** Default: twice the least, at least 4. */
  readonly maxReplicas?: number | undefined;
  /** Default: `cpu`. */
  readonly autoscale?: Autoscaler | undefined;
  /** Address of Prometheus, of `keda`. */
  readonly prometheus?: string | undefined;
  /** Default: `rolling`. */
  readonly strategy?: RolloutStrategy | undefined;
  /** Of `blue-green`: the folder of the deployment before, whose live color stays as it is; default: none, and the first color is live at once. */
  readonly previous?: string | undefined;
  readonly podMonitor?: boolean | undefined;
  /** Memory of a node in bytes, or such as `8Gi`: a pod that does not fit is refused. */
  readonly nodeMemory?: string | number | undefined;
  /** Weights in this PersistentVolumeClaim; default: in the image. */
  readonly claim?: string | undefined;
  /** Make the claim too, of this storage class; `""`: the cluster's default class. */
  readonly claimClass?: string | undefined;
  /** The image pulls its weights from a registry at this port (`deploy.image` with `weights: "pulled"`): they get a volume and a way out. */
  readonly pullPort?: number | undefined;
  /** A Secret whose keys are environment variables: credentials for pulled weights. */
  readonly pullSecret?: string | undefined;
  /** A Gateway: `NAME` or `NAMESPACE/NAME`. */
  readonly gateway?: string | undefined;
  readonly hostname?: string | undefined;
  /** The Service of an endpoint picker: route to an InferencePool. */
  readonly endpointPicker?: string | undefined;
  readonly allowNamespaces?: readonly string[] | undefined;
  readonly apiKeySecret?: string | undefined;
  /** Default: 5. */
  readonly shutdownDelaySeconds?: number | undefined;
  /** Default: what an answer of the whole context took in the measurement, at least 25, at most 3600; without a measurement 25. */
  readonly drainSeconds?: number | undefined;
  /** An image of a whole Loam, for jobs over the project. */
  readonly projectImage?: string | undefined;
  readonly projectClaim?: string | undefined;
  readonly projectSecret?: string | undefined;
  /** A data set to curate. */
  readonly data?: string | undefined;
  /** Default: 4. */
  readonly dataWorkers?: number | undefined;
  /** Schedule of `loam loop run`, as cron writes it. */
  readonly loopSchedule?: string | undefined;
}

export interface DeployedObjects {
  readonly model: string;
  readonly version: number;
  readonly alias: string | null;
  readonly path: string;
  readonly format: KubernetesFormat;
  readonly files: readonly string[];
  readonly objects: readonly string[];
  readonly image: string;
  readonly slots: number;
  readonly context: number;
  readonly form: PodForm;
  readonly memory: MemoryPlan;
  /** Of blue/green: the color of this version's pods, and the one that gets requests; null for a rolling update. */
  readonly colors: { readonly color: PodColor; readonly live: PodColor; readonly otherVersion: number | null } | null;
  readonly replicas: { readonly least: number; readonly most: number };
  readonly graceSeconds: number;
  readonly drainSeconds: number;
  /** What an answer of the whole context takes while all sequences are busy, by the measurement; null without one. */
  readonly longestAnswerSeconds: number | null;
  readonly startupSeconds: number;
  /** SHA-256 of what loam.yaml guards responses with, as the image's label has it; null without guards. */
  readonly guards: string | null;
  readonly warnings: readonly string[];
}

const verb = "loam deploy kubernetes";
const defaultSlots = 8;
const defaultReplicas = 2;
const defaultWorkers = 4;
const leastDrainSeconds = 25;
/** As much as `--drain` takes. */
const mostDrainSeconds = 3600;
const architectures = ["amd64", "arm64"];

/**
 * RFC 1035, "label": Services ask for a letter first. The longest name of an object made of it is `NAME-data-work`, and names of CronJobs have 52 characters
 * at most.
 */
const longestName = 42;
const nameForm = new RegExp(`^[a-z]([-a-z0-9]{0,${longestName - 2}}[a-z0-9])?$`);
/** RFC 1123: names of what is there already. */
const label = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
const subdomain = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

function checkName(given: string | undefined, flag: string, form: RegExp, expected: string): string | undefined {
  if (given === undefined || (given.length <= 253 && form.test(given))) return given;
  throw wrongArgument(`${verb}: ${flag}`, expected, JSON.stringify(given));
}

const nameExpected = `a DNS label: a small letter, then small letters, digits and dashes, at most ${longestName} characters`;
const labelExpected = "a DNS label: small letters, digits and dashes, at most 63 characters";
const subdomainExpected = "a DNS name: small letters, digits, dashes and dots";

/** A name for objects from a model's name; it is stated where none can be made. */
function nameOf(model: string, given: string | undefined): string {
  if (given !== undefined) return checkName(given, "--name", nameForm, nameExpected)!;
  const made = model
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .replace(/^[^a-z]+/, "")
    .slice(0, longestName)
    .replace(/-+$/, "");
  if (nameForm.test(made)) return made;
  throw wrongArgument(`${verb}: ${model}`, "a model whose name gives a DNS label", JSON.stringify(model), "Name the objects with --name.");
}

/** `8Gi`, `500Mi`, `16G`, or bytes. */
function bytesOf(given: string | number, flag: string): number {
  const [, digits, unit] = /^(\d+(?:\.\d+)?)\s*([KMGT]i)$/.exec(String(given)) ?? [];
  const bytes = digits === undefined ? parseCount(given) : Number(digits) * 1024 ** (1 + "KMGT".indexOf(unit![0]!));
  if (bytes !== undefined && bytes > 0) return bytes;
  throw wrongArgument(`${verb}: ${flag}`, "bytes, or such as 8Gi", JSON.stringify(given));
}

function checkNode(
  needed: number,
  nodeMemory: string | number | undefined,
  at: { slots: number; context: number; wishes: KubernetesWishes },
) {
  if (nodeMemory === undefined) return;
  const node = bytesOf(nodeMemory, "--node-memory");
  if (needed <= node) return;
  const { slots, context, wishes } = at;
  const totalOf = (more: Partial<Pick<KubernetesWishes, "sizes" | "slots">>): number => memoryPlan({ ...wishes, ...more }).totalBytes;
  const perSlot = wishes.sizes.cacheBytes / slots;
  let fewer = slots - 1;
  while (fewer > 0 && totalOf({ slots: fewer, sizes: { ...wishes.sizes, cacheBytes: perSlot * fewer } }) > node) fewer--;
  const without = totalOf({ slots: 1, sizes: { ...wishes.sizes, cacheBytes: perSlot } });
  throw deployErrors.fail("wish", {
    place: `${verb}: --node-memory ${nodeMemory}`,
    expected: `at least ${formatBytes(needed)} for ${slots} sequences of ${context} tokens`,
    received: formatBytes(node),
    hint:
      fewer > 0
        ? `--slots ${fewer} fits, and so may a shorter --context; weights and library are ${formatBytes(needed - wishes.sizes.cacheBytes)}.`
        : `One sequence of ${context} tokens needs ${formatBytes(without)}. Lower --context, or use a larger node.`,
  });
}

/** The parts that stand for themselves. Errors: project/argument. */
function checkOptions(o: DeployKubernetesOptions): void {
  const wrong = (flag: string, expected: string, received: string, hint?: string) =>
    wrongArgument(`${verb}: ${flag}`, expected, received, hint);
  parseReference(o.image);
  if (o.architecture !== undefined && !architectures.includes(o.architecture))
    throw wrong("--architecture", `one of ${architectures.join(", ")}`, JSON.stringify(o.architecture));
  for (const [flag, given] of [
    ["--claim", o.claim],
    ["--project-claim", o.projectClaim],
    ["--project-secret", o.projectSecret],
    ["--api-key-secret", o.apiKeySecret],
    ["--pull-secret", o.pullSecret],
    ["--claim-class", o.claimClass === "" ? undefined : o.claimClass],
    ["--hostname", o.hostname],
    ["--endpoint-picker", o.endpointPicker],
  ] as const)
    checkName(given, flag, subdomain, subdomainExpected);
  checkName(o.namespace, "--namespace", label, labelExpected);
  for (const name of o.allowNamespaces ?? []) checkName(name, "--allow-namespace", label, labelExpected);
  if (o.strategy === "blue-green" && o.format === "helm")
    throw wrong("--strategy blue-green", "--format plain or kustomize", "helm", "A chart has one release, not two colors.");
  if (o.strategy === "blue-green" && o.claim !== undefined)
    throw wrong(
      "--strategy blue-green",
      "weights in the image, or pulled at start",
      "--claim",
      "One claim cannot hold the files of two versions.",
    );
  if (o.strategy === "blue-green" && o.endpointPicker !== undefined)
    throw wrong(
      "--strategy blue-green",
      "no --endpoint-picker: requests go through the Service, whose selector is switched",
      o.endpointPicker,
    );
  if (o.previous !== undefined && o.strategy !== "blue-green")
    throw wrong("--previous", "--strategy blue-green beside it", o.strategy ?? "rolling");
  if (o.claimClass !== undefined && o.claim === undefined) throw wrong("--claim-class", "--claim beside it", "none");
  if (o.pullPort !== undefined && o.claim !== undefined) throw wrong("--pull-port", "no --claim: weights are pulled or in a claim", "both");
  if (o.pullSecret !== undefined && o.pullPort === undefined) throw wrong("--pull-secret", "--pull-port beside it", "none");
  if (o.endpointPicker !== undefined && o.gateway === undefined) throw wrong("--endpoint-picker", "--gateway beside it", "none");
  if (o.hostname !== undefined && o.gateway === undefined) throw wrong("--hostname", "--gateway beside it", "none");
  if (o.autoscale === "keda" && o.prometheus === undefined)
    throw wrong("--autoscale keda", "--prometheus URL, whose answers decide", "none", "In a cluster: http://prometheus.monitoring:9090.");
  if (o.prometheus !== undefined && !/^https?:\/\/[^\s"'{}]+$/.test(o.prometheus))
    throw wrong("--prometheus", "an address such as http://prometheus:9090", JSON.stringify(o.prometheus));
  if (o.load !== undefined && o.measured === undefined)
    throw wrong("--load", "--measured FILE beside it", "none", "`loam deploy measure` writes the file.");
  const needsProject = o.data !== undefined || o.loopSchedule !== undefined;
  if (needsProject && (o.projectImage === undefined || o.projectClaim === undefined))
    throw wrong("--data, --loop-schedule", "--project-image and --project-claim beside them", "none");
  if (o.projectImage !== undefined) parseReference(o.projectImage);
  if (o.loopSchedule !== undefined && !/^(\S+\s+){4}\S+$/.test(o.loopSchedule.trim()))
    throw wrong("--loop-schedule", 'five fields of cron, such as "0 3 * * *"', JSON.stringify(o.loopSchedule));
}

function gatewayOf(o: DeployKubernetesOptions): KubernetesWishes["gateway"] {
  if (o.gateway === undefined) return undefined;
  const [name, namespace] = o.gateway.split("/").reverse();
  checkName(name, "--gateway", subdomain, subdomainExpected);
  checkName(namespace, "--gateway", label, labelExpected);
  return { gateway: name!, ...defined({ gatewayNamespace: namespace, hostname: o.hostname, endpointPicker: o.endpointPicker }) };
}

const projectOf = (o: DeployKubernetesOptions): KubernetesWishes["project"] =>
  o.projectImage === undefined || o.projectClaim === undefined
    ? undefined
    : {
        image: o.projectImage,
        claim: o.projectClaim,
        ...defined({ secret: o.projectSecret, loop: o.loopSchedule?.trim() }),
        ...(o.data === undefined ? {} : { data: { name: o.data, workers: o.dataWorkers ?? defaultWorkers } }),
      };

/** Replicas and thresholds: measured where they were, else a share of the slots. */
function autoscalingOf(
  o: DeployKubernetesOptions,
  slots: number,
  measured: SaturationFigures | undefined,
): KubernetesWishes["autoscaling"] {
  const forLoad = o.load === undefined || measured === undefined ? 1 : Math.ceil(o.load / measured.knee.tokensPerSecond);
  const minReplicas = o.minReplicas ?? Math.max(defaultReplicas, forLoad);
  const maxReplicas = o.maxReplicas ?? Math.max(4, 2 * minReplicas);
  if (maxReplicas < minReplicas)
    throw wrongArgument(`${verb}: --max-replicas`, `at least ${minReplicas}, the least replicas`, String(maxReplicas));
  const requestsPerPod = measured?.requestsPerPod ?? Math.max(1, Math.floor(0.7 * slots));
  return { by: o.autoscale ?? "cpu", minReplicas, maxReplicas, requestsPerPod, ...defined({ prometheus: o.prometheus }) };
}

/** Answers that a pod is ended before: said, since their clients get them cut off. */
function drainWarning({ drainSeconds, context, sizes }: KubernetesWishes, longest: number | undefined): string | undefined {
  // a model that reads whole texts answers in one step
  if (sizes.cacheViews.length === 0) return undefined;
  if (longest === undefined)
    return `A pod that ends cuts off answers after ${drainSeconds} s (--drain). How long one of ${context} tokens takes is not known: --measured FILE tells, and sets the time.`;
  if (longest <= drainSeconds) return undefined;
  return `An answer of ${context} tokens takes up to ${Math.ceil(longest)} s, and a pod that ends cuts it off after ${drainSeconds} s: use a longer --drain, or a shorter --context.`;
}

function warningsOf(
  w: KubernetesWishes,
  fingerprint: string,
  measured: SaturationFigures | undefined,
  longest: number | undefined,
): string[] {
  const warnings: string[] = [];
  const warn = (isSo: boolean, text: string) => void (isSo && warnings.push(text));
  warn(
    !parseReference(w.image).isDigest,
    `${w.image} is a tag, which can move: pods may start with another image. Name the digest, or add --check-image.`,
  );
  const cut = drainWarning(w, longest);
  if (cut !== undefined) warnings.push(cut);
  if (measured === undefined) return warnings;
  warn(
    measured.slots !== w.slots || measured.form !== w.form || measured.context !== w.context,
    `The measurement is of ${measured.slots} sequences, context ${measured.context}, ${measured.form}; pods have ${w.slots}, ${w.context}, ${w.form}.`,
  );
  warn(measured.cpu !== w.cpu, `The measurement was made with ${measured.cpu} cores; pods request ${w.cpu}.`);
  warn(measured.fingerprint !== null && measured.fingerprint !== fingerprint, "The measurement is of another version of the model.");
  return warnings;
}

interface KnownParts extends Pick<KubernetesWishes, "image" | "architecture" | "sizes" | "slots" | "context"> {
  readonly deployed: DeployedVersion;
  readonly measured: SaturationFigures | undefined;
  readonly longest: number | undefined;
  readonly guards: KubernetesWishes["guards"];
}

/** What is wished, but for colors. Errors: project/argument. */
function rollingWishes(o: DeployKubernetesOptions, known: KnownParts): KubernetesWishes {
  const { deployed, image, architecture, sizes, slots, context, measured, longest, guards } = known;
  return {
    format: o.format ?? "plain",
    image,
    name: nameOf(deployed.model, o.name),
    architecture,
    sizes,
    form: o.quantize ?? measured?.form ?? "exact",
    slots,
    context,
    cpu: o.cpu ?? measured?.cpu ?? 1,
    autoscaling: autoscalingOf(o, slots, measured),
    podMonitor: o.podMonitor ?? false,
    allowNamespaces: o.allowNamespaces ?? [],
    shutdownDelaySeconds: o.shutdownDelaySeconds ?? 5,
    drainSeconds: o.drainSeconds ?? Math.min(mostDrainSeconds, Math.max(leastDrainSeconds, Math.ceil(longest ?? 0))),
    ...defined({
      guards,
      pullPort: o.pullPort,
      pullSecret: o.pullSecret,
      namespace: o.namespace,
      apiKeySecret: o.apiKeySecret,
      gateway: gatewayOf(o),
      project: projectOf(o),
    }),
    ...(o.claim === undefined
      ? {}
      : { claim: { name: o.claim, create: o.claimClass !== undefined, ...defined({ storageClass: o.claimClass || undefined }) } }),
  };
}

/** The colors before, where nothing but them would change: a plan that is made again is the same. Else the next ones. Errors: deploy/deployment, deploy/wish. */
function colorsFor({ cwd }: Workplace, given: string | undefined, v: DeployedVersion, w: KubernetesWishes): ColorWishes {
  const previous = given === undefined ? undefined : readPreviousColors(cwd, given, w.name);
  if (!previous) return nextColors(undefined);
  const same = { ...w, colors: previous.colors.colors };
  const again = deploymentOf(kubernetesTarget, v, same, kubernetesTarget.plan(v, same));
  const { requested: _, ...before } = previous.deployment;
  return deploymentText(again) === deploymentText(before) ? same.colors : nextColors(previous.colors);
}

/**
 * Errors: deploy/unapproved, deploy/wish, project/argument, project/exists, registry/reference, registry/remote, registry/tampered, store/notFound,
 * base/diskFull.
 */
export async function deployKubernetes(at: Workplace, given: string, o: DeployKubernetesOptions, watch: Watch): Promise<DeployedObjects> {
  checkFree(resolve(at.cwd, o.to), o.to);
  checkOptions(o);
  const measured = o.measured === undefined ? undefined : readMeasuredServing(resolve(at.cwd, o.measured), o.measured);
  const slots = o.slots ?? measured?.slots ?? defaultSlots;
  await using version = await versionToDeploy(at, given, o, watch);
  const { deployed } = version;
  await using guards = await deployedGuards(at, version.project, watch);
  const architecture = o.architecture ?? imageArchitecture();
  const image = o.checkImage
    ? await checkImage(
        { reference: o.image, plainHttp: o.plainHttp ?? false, architecture, version: deployed, guards: guards?.digest ?? "none" },
        watch,
      )
    : o.image;
  const { sizes, context } = await servedSizes(version.files, slots, o.context ?? measured?.context);
  const longest = measured && longestAnswerSeconds(measured.points, slots, context);
  const rolling = rollingWishes(o, {
    deployed,
    image,
    architecture,
    sizes,
    slots,
    context,
    measured,
    longest,
    guards: guards?.sizes,
  });
  const memory = memoryPlan(rolling);
  checkNode(memory.totalBytes, o.nodeMemory, { slots, context, wishes: rolling });
  const wishes: KubernetesWishes =
    o.strategy === "blue-green" ? { ...rolling, colors: colorsFor(at, o.previous, deployed, rolling) } : rolling;
  const { path, deployment } = writePlan(kubernetesTarget, deployed, wishes, { cwd: at.cwd, to: o.to });
  const { graceSeconds, startupSeconds, objects } = kubernetesTarget.plan(deployed, wishes).facts;
  return {
    model: deployed.model,
    version: deployed.version,
    alias: deployed.alias,
    path,
    format: wishes.format,
    files: deployment.files.map(f => f.path),
    objects: objects as string[],
    image,
    slots,
    context,
    form: wishes.form,
    memory,
    colors: wishes.colors
      ? { color: wishes.colors.color, live: wishes.colors.live, otherVersion: wishes.colors.other?.version ?? null }
      : null,
    replicas: { least: wishes.autoscaling.minReplicas, most: wishes.autoscaling.maxReplicas },
    graceSeconds: graceSeconds as number,
    drainSeconds: wishes.drainSeconds,
    longestAnswerSeconds: longest ?? null,
    startupSeconds: startupSeconds as number,
    guards: guards?.digest ?? null,
    warnings: [
      ...warningsOf(wishes, deployed.fingerprint, measured, longest),
      ...(guards && !o.checkImage
        ? [
            `Responses are guarded by serve.blocked or serve.moderate of loam.yaml. Whether the image has the same guards (label loam.guards ${guards.digest}) was not looked at: add --check-image.`,
          ]
        : []),
    ],
  };
}
