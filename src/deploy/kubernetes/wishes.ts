/** What a deployment to Kubernetes may be asked for, as plain data: it is written down in `loam-deployment.json`. */
import type { ColorWishes } from "./colors.ts";
import type { GuardSizes, PodForm, ServedSizes } from "./memory.ts";

export const kubernetesFormats = ["plain", "kustomize", "helm"] as const;
export type KubernetesFormat = (typeof kubernetesFormats)[number];

export const autoscalers = ["cpu", "requests", "keda", "none"] as const;
export type Autoscaler = (typeof autoscalers)[number];

/** `rolling`: the Deployment replaces its pods; `blue-green`: a Deployment for each color, and the Service selects one of them. */
export const rolloutStrategies = ["rolling", "blue-green"] as const;
export type RolloutStrategy = (typeof rolloutStrategies)[number];

interface AutoscalingWishes {
  /** `cpu`: metrics-server; `requests`: custom metrics of the pods; `keda`: a query to Prometheus; `none`: a fixed number. */
  readonly by: Autoscaler;
  readonly minReplicas: number;
  readonly maxReplicas: number;
  /** Requests in flight per pod that more pods are started for; of `requests` and `keda`. */
  readonly requestsPerPod: number;
  /** Of `keda`. */
  readonly prometheus?: string | undefined;
}

export interface GatewayWishes {
  /** Name of a Gateway of the Gateway API. */
  readonly gateway: string;
  readonly gatewayNamespace?: string | undefined;
  readonly hostname?: string | undefined;
  /** Route to an InferencePool of the Gateway API Inference Extension; the Service of its endpoint picker. */
  readonly endpointPicker?: string | undefined;
}

/** Pods that run `loam` over a project, not over one version's files. */
export interface ProjectWishes {
  /** An image of a whole Loam, whose entry point is `loam`. */
  readonly image: string;
  /** A PersistentVolumeClaim with the project's folder. */
  readonly claim: string;
  /** A Secret whose keys are environment variables, such as the address of the artifact store. */
  readonly secret?: string | undefined;
  /** Curate this data set with so many workers. */
  readonly data?: { readonly name: string; readonly workers: number } | undefined;
  /** When `loam loop run` looks for a reason to retrain, as cron writes it. */
  readonly loop?: string | undefined;
}

export interface KubernetesWishes {
  readonly format: KubernetesFormat;
  /** `HOST/REPOSITORY:TAG` or `@sha256:...`. */
  readonly image: string;
  /** Of all objects. */
  readonly name: string;
  readonly namespace?: string | undefined;
  /** As OCI and Kubernetes name it: amd64, arm64. */
  readonly architecture: string;
  readonly sizes: ServedSizes;
  readonly form: PodForm;
  /** Of `serve.moderate` and `serve.blocked`: they are in memory beside the model. */
  readonly guards?: GuardSizes | undefined;
  /** Concurrent sequences. */
  readonly slots: number;
  /** Tokens of prompt and completion together. */
  readonly context: number;
  /** Cores that a pod requests. */
  readonly cpu: number;
  readonly autoscaling: AutoscalingWishes;
  /** Weights in a claim that is mounted at /model; default: in the image. `create` makes it. */
  readonly claim?: { readonly name: string; readonly create: boolean; readonly storageClass?: string | undefined } | undefined;
  /** The image pulls the weights from a registry at this port when it starts (`loam deploy image --weights pulled`). */
  readonly pullPort?: number | undefined;
  /** A Secret whose keys are environment variables: credentials for pulled weights. */
  readonly pullSecret?: string | undefined;
  /** Of blue/green. */
  readonly colors?: ColorWishes | undefined;
  readonly podMonitor: boolean;
  readonly gateway?: GatewayWishes | undefined;
  readonly project?: ProjectWishes | undefined;
  /** Namespaces whose pods may send requests, beside the deployment's own. */
  readonly allowNamespaces: readonly string[];
  /** A Secret whose key `api-key` requests for models need. */
  readonly apiKeySecret?: string | undefined;
  /** Seconds after SIGTERM in which requests are still accepted. */
  readonly shutdownDelaySeconds: number;
  /** Seconds that responses in flight have after that. */
  readonly drainSeconds: number;
}
