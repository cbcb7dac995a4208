/** LoamModel, the custom resource: its spec as a schema (of which the CRD's structural schema is made) and its status as plain data. */
import { z } from "zod";
import type { KubernetesObject, KubernetesResource } from "../../kubernetes/index.ts";

export const loamModels: KubernetesResource = {
  apiVersion: "loam.dev/v1alpha1",
  kind: "LoamModel",
  plural: "loammodels",
  isNamespaced: true,
};

/** Kubernetes' own rules of the CRD, in CEL. */
const rules = (...validations: readonly { readonly rule: string; readonly message: string }[]) => ({
  "x-kubernetes-validations": validations,
});
const open = { "x-kubernetes-preserve-unknown-fields": true };

const tag = z
  .string()
  .regex(/^(sha256:[0-9a-f]{64}|[A-Za-z0-9_][A-Za-z0-9._-]{0,127})$/)
  .max(128);
const version = tag.describe("tag or digest (sha256:...) of an image that does not move; used as it is");
const alias = tag.describe("tag that moves; resolved to a digest by the registry, again and again");
const exactlyOne = { rule: "has(self.version) != has(self.alias)", message: "expected version or alias, one of them" };

const metrics = z
  .strictObject({
    errors: z
      .strictObject({
        tolerated: z
          .number()
          .min(0)
          .max(1)
          .default(0)
          .describe("harm: the canary's error rate exceeds the stable version's by more than this"),
        margin: z.number().min(0.0001).max(0.9999).describe("no harm: the excess is shown to be below this"),
      })
      .meta(rules({ rule: "!has(self.tolerated) || self.tolerated <= self.margin", message: "expected tolerated up to margin" }))
      .optional(),
    latency: z
      .strictObject({
        quantile: z.number().min(0.01).max(0.99).default(0.95),
        ratio: z.number().min(1).max(1000).describe("harm: the canary's quantile exceeds this many times the stable version's"),
      })
      .optional(),
  })
  .meta(rules({ rule: "has(self.errors) || has(self.latency)", message: "expected errors, latency or both" }));

const canary = z
  .strictObject({
    version: version.optional(),
    alias: alias.optional(),
    weight: z.int().min(1).max(90).optional().describe("percent of the pods that serve the canary"),
    steps: z.array(z.int().min(1).max(90)).min(1).max(10).optional().describe("weights, one after the other"),
    requests: z.int().min(10).max(1_000_000).default(1000).describe("requests to the canary in each step"),
    longestSeconds: z.int().min(10).optional().describe("time after which the test ends undecided"),
    metrics: metrics.default({ errors: { tolerated: 0, margin: 0.02 } }),
    alpha: z.number().min(0.000001).max(0.5).default(0.05),
    undecided: z.enum(["promote", "rollback"]).default("rollback").describe("what follows from a test that ended undecided"),
    intervalSeconds: z.int().min(1).max(300).default(10).describe("time between two readings of the pods' counters"),
  })
  .meta(
    rules(
      { rule: "!(has(self.version) && has(self.alias))", message: "expected version or alias, not both" },
      { rule: "has(self.weight) != has(self.steps)", message: "expected weight or steps, one of them" },
      {
        rule: "!has(self.steps) || self.steps.all(i, self.steps.filter(j, j == i).size() == 1)",
        message: "expected steps of different weights",
      },
    ),
  );

export const loamModelSpec = z
  .strictObject({
    image: z
      .string()
      .regex(/^[^@\s]+$/)
      .min(1)
      .max(255)
      .describe("repository of the images: HOST/REPOSITORY"),
    version: version.optional(),
    alias: alias.optional(),
    requireApproval: z
      .boolean()
      .default(false)
      .describe("only images whose manifest names the approval of a release (needs alias or a digest)"),
    replicas: z.int().min(0).max(1000).default(1),
    autoscaling: z
      .strictObject({
        minReplicas: z.int().min(1).max(1000).default(1),
        maxReplicas: z.int().min(1).max(1000),
        requestsPerReplica: z.int().min(1).default(4).describe("running and queued requests of a replica, on average"),
      })
      .meta(
        rules({
          rule: "!has(self.minReplicas) || self.minReplicas <= self.maxReplicas",
          message: "expected minReplicas up to maxReplicas",
        }),
      )
      .optional(),
    canary: canary.optional(),
    shadow: z
      .strictObject({ version: version.optional(), alias: alias.optional(), replicas: z.int().min(0).max(1000).default(1) })
      .meta(rules(exactlyOne))
      .optional(),
    rollback: z.enum(["automatic", "never"]).default("automatic").describe("whether a rollout that misses its deadline is taken back"),
    progressDeadlineSeconds: z.int().min(5).max(86_400).default(600),
    drainSeconds: z.int().min(1).max(3600).default(60).describe("termination grace period of the pods"),
    port: z.int().min(1).max(65_535).default(8080),
    container: z
      .looseObject({})
      .meta(open)
      .optional()
      .describe("fields of the container beside image and port: args, env, resources, probes"),
    pod: z.looseObject({}).meta(open).optional().describe("fields of the pod's spec beside containers: volumes, nodeSelector, tolerations"),
  })
  .meta(rules(exactlyOne));

export type LoamModelSpec = z.output<typeof loamModelSpec>;

/** An image that the operator chose, and by which name. */
export interface ChosenImage {
  /** As in a container: by tag or digest. */
  readonly image: string;
  /** The version or alias that it was resolved from. */
  readonly from: string;
}

export interface RejectedImage {
  readonly image: string;
  /** Of the spec that it was rejected under: a newer spec gives it another chance. */
  readonly generation: number;
  readonly reason: string;
  readonly message: string;
}

export interface CanaryStatus extends ChosenImage {
  /** `Running`: judged. `Promoting`: it passed, and the stable pods follow. */
  readonly phase: "Running" | "Promoting";
  readonly step: number;
  /** Percent of live pods, wished. */
  readonly weight: number;
  readonly verdict: string;
  readonly message: string;
  /** Requests that were compared, of each side. */
  readonly requests: number;
  /** The test's state as JSON, with the counters that it was fed from: written together, so no request counts twice. */
  readonly test?: string;
}

export interface ModelCondition {
  readonly type: string;
  readonly status: "True" | "False" | "Unknown";
  readonly reason: string;
  readonly message: string;
  readonly observedGeneration: number;
  readonly lastTransitionTime: string;
}

export interface LoamModelStatus {
  readonly observedGeneration?: number;
  readonly stable?: ChosenImage;
  /** What `version` or `alias` of the spec was when a canary of its own version started from it. */
  readonly baseline?: string;
  /** The last one whose pods were all ready: where a failed rollout goes back to. */
  readonly lastReady?: ChosenImage;
  readonly canary?: CanaryStatus;
  readonly shadow?: ChosenImage;
  readonly rejected?: readonly RejectedImage[];
  readonly replicas?: number;
  readonly readyReplicas?: number;
  readonly conditions?: readonly ModelCondition[];
}

export interface LoamModel extends KubernetesObject {
  readonly spec: LoamModelSpec;
  readonly status?: LoamModelStatus;
}
