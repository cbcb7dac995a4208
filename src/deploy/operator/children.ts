/** What a LoamModel consists of in the cluster, as objects to apply: functions of the model and of which images serve. */
import { hashOf } from "../../base/index.ts";
import { type KubernetesObject, type KubernetesResource, kubernetesResources } from "../../kubernetes/index.ts";
import type { DeploymentObject } from "./objects.ts";
import type { LoamModel, LoamModelStatus } from "./spec.ts";

export const managerName = "loam-operator";
export const managedBy = { "app.kubernetes.io/managed-by": managerName };
/** Labels of pods: which LoamModel, in which role, and whether the Service sends it requests. */
export const labelNames = { model: "loam.dev/name", track: "loam.dev/track", traffic: "loam.dev/traffic" } as const;
/** What was applied last, as a hash: a field that is not wished any more is noticed by it. */
export const appliedAnnotation = "loam.dev/applied";
/** The metric that autoscalers read: running and queued requests. */
export const requestsMetric = "loam_requests";
export const tracks = ["stable", "canary", "shadow"] as const;
export type Track = (typeof tracks)[number];

export interface WishedObject {
  readonly resource: KubernetesResource;
  readonly object: KubernetesObject;
}

export const deploymentName = (model: string, track: Track): string => (track === "stable" ? model : `${model}-${track}`);

const ownerOf = ({ apiVersion, kind, metadata }: LoamModel) => ({
  apiVersion: apiVersion!,
  kind: kind!,
  name: metadata.name!,
  uid: metadata.uid!,
  controller: true,
  blockOwnerDeletion: true,
});

/** With owner, labels and the hash of all of it. */
function childOf(
  model: LoamModel,
  resource: KubernetesResource,
  name: string,
  body: object,
  labels: Readonly<Record<string, string>> = {},
): WishedObject {
  const metadata = {
    name,
    namespace: model.metadata.namespace!,
    labels: { ...managedBy, [labelNames.model]: model.metadata.name!, ...labels },
    ownerReferences: [ownerOf(model)],
  };
  const annotations = { [appliedAnnotation]: hashOf({ metadata, ...body }).slice(0, 16) };
  return { resource, object: { metadata: { ...metadata, annotations }, ...body } };
}

const probes = {
  startupProbe: { httpGet: { path: "/readyz", port: "http" }, periodSeconds: 1, failureThreshold: 600 },
  readinessProbe: { httpGet: { path: "/readyz", port: "http" }, periodSeconds: 2 },
  livenessProbe: { httpGet: { path: "/healthz", port: "http" }, periodSeconds: 10, failureThreshold: 3 },
};

function deployment(model: LoamModel, track: Track, image: string, replicas: number): WishedObject {
  const { spec, metadata } = model;
  const selector = { [labelNames.model]: metadata.name!, [labelNames.track]: track };
  const container = {
    name: "model",
    ports: [{ name: "http", containerPort: spec.port, protocol: "TCP" }],
    securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ["ALL"] } },
    ...probes,
    ...spec.container,
    image,
  };
  const traffic = track === "shadow" ? {} : { [labelNames.traffic]: "live" };
  const template = {
    metadata: { labels: { ...selector, ...traffic } },
    spec: { terminationGracePeriodSeconds: spec.drainSeconds, ...spec.pod, containers: [container] },
  };
  const body = {
    spec: {
      replicas,
      progressDeadlineSeconds: spec.progressDeadlineSeconds,
      selector: { matchLabels: selector },
      // capacity does not fall during a rollout
      strategy: { type: "RollingUpdate", rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
      template,
    },
  };
  return childOf(model, kubernetesResources.deployments, deploymentName(metadata.name!, track), body, { [labelNames.track]: track });
}

function service(model: LoamModel, name: string, selector: Readonly<Record<string, string>>): WishedObject {
  const ports = [{ name: "http", port: 80, targetPort: "http", protocol: "TCP" }];
  const body = { spec: { type: "ClusterIP", selector: { [labelNames.model]: model.metadata.name!, ...selector }, ports } };
  return childOf(model, kubernetesResources.services, name, body);
}

function autoscaler(model: LoamModel): WishedObject | undefined {
  const { autoscaling } = model.spec;
  if (!autoscaling) return undefined;
  const name = model.metadata.name!;
  const metric = { name: requestsMetric, selector: { matchLabels: { [labelNames.model]: name } } };
  const target = { type: "AverageValue", averageValue: String(autoscaling.requestsPerReplica) };
  const body = {
    spec: {
      scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name },
      minReplicas: autoscaling.minReplicas,
      maxReplicas: autoscaling.maxReplicas,
      metrics: [{ type: "External", external: { metric, target } }],
    },
  };
  return childOf(model, kubernetesResources.horizontalPodAutoscalers, name, body);
}

/** Of the stable version: the spec's, or what the autoscaler made of it. */
export function stableReplicas({ spec }: LoamModel, stable: DeploymentObject | undefined): number {
  if (!spec.autoscaling) return spec.replicas;
  const { minReplicas, maxReplicas } = spec.autoscaling;
  return Math.min(maxReplicas, Math.max(minReplicas, stable?.spec.replicas ?? minReplicas));
}

/** So many canary pods beside `stable` others that they are `weight` percent of all, at least one. */
const canaryReplicas = (stable: number, weight: number): number => Math.max(1, Math.round((stable * weight) / (100 - weight)));

export function wishedObjects(model: LoamModel, status: LoamModelStatus, stable: DeploymentObject | undefined): readonly WishedObject[] {
  const name = model.metadata.name!;
  const replicas = stableReplicas(model, stable);
  const wished: (WishedObject | undefined)[] = [
    service(model, name, { [labelNames.traffic]: "live" }),
    status.stable && deployment(model, "stable", status.stable.image, replicas),
    status.canary && deployment(model, "canary", status.canary.image, canaryReplicas(replicas, status.canary.weight)),
    status.shadow && deployment(model, "shadow", status.shadow.image, model.spec.shadow?.replicas ?? 1),
    status.shadow && service(model, deploymentName(name, "shadow"), { [labelNames.track]: "shadow" }),
    autoscaler(model),
  ];
  return wished.filter(w => w !== undefined);
}
