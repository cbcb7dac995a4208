/** Targets that a deployment of loam.yaml can name: its wishes checked, its plan written. A target is a row. */
import { z } from "zod";
import { check } from "../../../base/index.ts";
import {
  autoscalers,
  kubernetesFormats,
  type NamedDeployment,
  type NamedTarget,
  rolloutStrategies,
  servedForms,
  webWeightForms,
} from "../../../deploy/index.ts";
import type { Watch } from "../../call.ts";
import { namedVersion } from "../../models/named-version.ts";
import type { Workplace } from "../../workspace.ts";
import { deployKubernetes } from "../deploy-kubernetes.ts";
import { deployLambda } from "../deploy-lambda.ts";
import { deployWeb } from "../deploy-web.ts";

interface PlanToWrite {
  /** A folder of which nothing exists. */
  readonly to: string;
  /** Names the wishes in errors. */
  readonly place: string;
  /** The folder of the current generation. */
  readonly previous: string | undefined;
}

/** Writes the plan. */
type TargetWriter = (at: Workplace, part: NamedDeployment, plan: PlanToWrite, watch: Watch) => Promise<unknown>;

const whole = z.int().positive().optional();
const text = z.string().min(1).optional();
const flag = z.boolean().optional();

const webWishes = z.strictObject({
  weights: z.enum(webWeightForms).optional(),
  context: z.int().min(16).optional(),
  webgpu: flag,
  withoutGuards: flag,
  mostBytes: whole,
});

const lambdaWishes = z.strictObject({
  package: z.enum(["zip", "image"]).optional(),
  weightsForm: z.enum(["as-is", "q8", "q4"]).optional(),
  quantize: text,
  push: text,
  base: text,
  plainHttp: flag,
  mode: z.enum(["stream", "buffered"]).optional(),
  auth: z.enum(["iam", "key"]).optional(),
  memoryMb: whole,
  timeoutSeconds: whole,
  storageMb: whole,
  concurrency: whole,
  slots: whole,
  context: whole,
});

const kubernetesWishes = z.strictObject({
  /** `{version}` stands for the number of the version. */
  image: z.string().min(1),
  format: z.enum(kubernetesFormats).optional(),
  checkImage: flag,
  plainHttp: flag,
  name: text,
  namespace: text,
  slots: whole,
  context: whole,
  quantize: z.enum(servedForms).optional(),
  cpu: z.number().positive().optional(),
  measured: text,
  load: z.number().positive().optional(),
  minReplicas: whole,
  maxReplicas: whole,
  autoscale: z.enum(autoscalers).optional(),
  prometheus: text,
  podMonitor: flag,
  nodeMemory: text,
  pullPort: whole,
  pullSecret: text,
  strategy: z.enum(rolloutStrategies).optional(),
  claim: text,
  claimClass: z.string().optional(),
  gateway: text,
  hostname: text,
  apiKeySecret: text,
});

/** The image of the version that the name stands for now. */
const writeKubernetes: TargetWriter = async (at, { model, wishes }, { to, place, previous: before }, watch) => {
  const { image, ...rest } = check(kubernetesWishes, wishes, place);
  const previous = rest.strategy === "blue-green" ? before : undefined;
  await using named = await namedVersion(at, model);
  return deployKubernetes(at, model, { to, image: image.replaceAll("{version}", String(named.version.number)), previous, ...rest }, watch);
};

export const targetWriters: { readonly [T in NamedTarget]: TargetWriter } = {
  web: (at, { model, wishes }, { to, place }, watch) => deployWeb(at, model, { to, ...check(webWishes, wishes, place) }, watch),
  lambda: (at, { model, wishes }, { to, place }, watch) => deployLambda(at, model, { to, ...check(lambdaWishes, wishes, place) }, watch),
  kubernetes: writeKubernetes,
};
