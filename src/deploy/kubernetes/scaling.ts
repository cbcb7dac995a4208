/**
 * How many pods there are: HorizontalPodAutoscaler by processor or requests, or KEDA's ScaledObject. More at once, fewer one by one: a pod that starts
 * needs seconds, one that ends has sequences to finish.
 */
import type { DeployedVersion } from "../version.ts";
import { colorLabel } from "./colors.ts";
import { metadataOf, workloadMetadata, workloadName } from "./common.ts";
import type { Manifest } from "./document.ts";
import type { KubernetesWishes } from "./wishes.ts";

/** A server computes while it decodes: above this share, requests wait for each other. */
const processorPercent = 70;
/** A queue says that the slots are full. */
const queuedPerPod = 1;

const behavior = {
  scaleUp: {
    stabilizationWindowSeconds: 0,
    selectPolicy: "Max",
    policies: [
      { type: "Percent", value: 100, periodSeconds: 15 },
      { type: "Pods", value: 4, periodSeconds: 15 },
    ],
  },
  scaleDown: { stabilizationWindowSeconds: 300, selectPolicy: "Max", policies: [{ type: "Pods", value: 1, periodSeconds: 120 }] },
} as const;

const podsMetric = (name: string, average: number) => ({
  type: "Pods",
  pods: { metric: { name }, target: { type: "AverageValue", averageValue: String(average) } },
});

const metricsOf = ({ by, requestsPerPod }: KubernetesWishes["autoscaling"]): readonly object[] =>
  by === "requests"
    ? [podsMetric("loam_running_requests", requestsPerPod), podsMetric("loam_queued_requests", queuedPerPod)]
    : [{ type: "Resource", resource: { name: "cpu", target: { type: "Utilization", averageUtilization: processorPercent } } }];

const horizontal = (v: DeployedVersion, w: KubernetesWishes): Manifest => ({
  apiVersion: "autoscaling/v2",
  kind: "HorizontalPodAutoscaler",
  metadata: workloadMetadata(v, w),
  spec: {
    scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: workloadName(w) },
    minReplicas: w.autoscaling.minReplicas,
    maxReplicas: w.autoscaling.maxReplicas,
    metrics: metricsOf(w.autoscaling),
    behavior,
  },
});

/** Series of this deployment's pods: the PodMonitor gives them the label. */
const series = (name: string, w: KubernetesWishes): string =>
  `${name}{app_kubernetes_io_instance="${w.name}"${w.colors ? `,loam_dev_color="${w.colors.color}"` : ""}${w.namespace === undefined ? "" : `,namespace="${w.namespace}"`}}`;

/** One number: what runs and what waits, over all pods. */
const requestsQuery = (w: KubernetesWishes): string =>
  `sum(${series("loam_running_requests", w)}) + sum(${series("loam_queued_requests", w)})`;

const scaledObject = (v: DeployedVersion, w: KubernetesWishes): Manifest => ({
  apiVersion: "keda.sh/v1alpha1",
  kind: "ScaledObject",
  metadata: workloadMetadata(v, w),
  spec: {
    scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: workloadName(w) },
    pollingInterval: 15,
    minReplicaCount: w.autoscaling.minReplicas,
    maxReplicaCount: w.autoscaling.maxReplicas,
    // without Prometheus: neither the least nor the most
    fallback: { failureThreshold: 3, replicas: Math.ceil((w.autoscaling.minReplicas + w.autoscaling.maxReplicas) / 2) },
    advanced: { horizontalPodAutoscalerConfig: { behavior } },
    triggers: [
      {
        type: "prometheus",
        metricType: "AverageValue",
        metadata: {
          serverAddress: w.autoscaling.prometheus,
          query: requestsQuery(w),
          threshold: String(w.autoscaling.requestsPerPod),
          // no series is an error that the fallback answers, not "no load"
          ignoreNullValues: "false",
        },
      },
    ],
  },
});

const podMonitor = (v: DeployedVersion, w: KubernetesWishes): Manifest => ({
  apiVersion: "monitoring.coreos.com/v1",
  kind: "PodMonitor",
  metadata: metadataOf(v, w),
  spec: {
    selector: { matchLabels: { "app.kubernetes.io/instance": w.name, "app.kubernetes.io/component": "server" } },
    podTargetLabels: ["app.kubernetes.io/instance", "app.kubernetes.io/version", ...(w.colors ? [colorLabel] : [])],
    podMetricsEndpoints: [{ port: "http", path: "/metrics", interval: "15s" }],
  },
});

export const scalingObjects = (v: DeployedVersion, w: KubernetesWishes): Readonly<Record<string, Manifest>> => ({
  ...(w.autoscaling.by === "cpu" || w.autoscaling.by === "requests" ? { horizontalpodautoscaler: horizontal(v, w) } : {}),
  ...(w.autoscaling.by === "keda" ? { scaledobject: scaledObject(v, w) } : {}),
  ...(w.podMonitor || w.autoscaling.by === "keda" ? { podmonitor: podMonitor(v, w) } : {}),
});
