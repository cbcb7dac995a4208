/** The pods that serve, and how they are reached: Deployment, Service, ServiceAccount, PodDisruptionBudget, NetworkPolicy, claim of the weights. */
import { defined } from "../../base/index.ts";
import { containerSecurity, temporaryMount, temporaryVolume } from "../../kubernetes/index.ts";
import { imagePlaces, imagePort } from "../image/plan.ts";
import { type DeployedVersion, lineageLabels } from "../version.ts";
import { type ColorWishes, colorLabel, otherColor } from "./colors.ts";
import { metadataOf, podSecurity, podSelector, selectorOf, trafficSelector, workloadLabels, workloadMetadata } from "./common.ts";
import type { Manifest } from "./document.ts";
import { type MemoryPlan, mebibytes } from "./memory.ts";
import type { KubernetesWishes } from "./wishes.ts";

/** Closing files and the end of the process, after the last response. */
const marginSeconds = 5;
/** A start has this long at least; a model that is read from a slow disk longer. */
const leastStartSeconds = 60;
const startBytesPerSecond = 20e6;
const startupPeriodSeconds = 2;
/** What is above the computed memory until the kernel ends the process. */
const limitFactor = 1.25;
/** A file system's own share of a volume. */
const volumeFactor = 1.1;

export const graceSecondsOf = (w: KubernetesWishes): number => w.shutdownDelaySeconds + w.drainSeconds + marginSeconds;

const fileBytesOf = (v: DeployedVersion): number => v.files.reduce((sum, f) => sum + f.sizeBytes, 0);

export const startupSecondsOf = (v: DeployedVersion): number => Math.ceil(leastStartSeconds + fileBytesOf(v) / startBytesPerSecond);

const probe = (path: string, more: object) => ({ httpGet: { path, port: "http" }, ...more });

const probes = (v: DeployedVersion) => ({
  // covers the load of the model, so that liveness can be strict
  startupProbe: probe("/readyz", {
    periodSeconds: startupPeriodSeconds,
    failureThreshold: Math.ceil(startupSecondsOf(v) / startupPeriodSeconds),
  }),
  // the event loop alone: a dependency that fails is no reason to restart
  livenessProbe: probe("/healthz", { periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 3 }),
  readinessProbe: probe("/readyz", { periodSeconds: 2, timeoutSeconds: 2, failureThreshold: 2 }),
});

/** Bytes of a volume that holds the files. */
const volumeBytes = (v: DeployedVersion): number => Math.max(volumeFactor * fileBytesOf(v), 1 << 20);

const modelMount = (w: KubernetesWishes): readonly object[] =>
  w.claim === undefined && w.pullPort === undefined
    ? []
    : [{ name: "model", mountPath: `/${imagePlaces.model}`, ...(w.claim ? { readOnly: true } : {}) }];

const modelVolume = (v: DeployedVersion, w: KubernetesWishes): readonly object[] => [
  ...(w.claim ? [{ name: "model", persistentVolumeClaim: { claimName: w.claim.name, readOnly: true } }] : []),
  // pulled again by each pod, beside a part of the same size while it comes
  ...(w.pullPort === undefined ? [] : [{ name: "model", emptyDir: { sizeLimit: mebibytes(2 * volumeBytes(v)) } }]),
];

const containerOf = (v: DeployedVersion, w: KubernetesWishes, memory: MemoryPlan): object =>
  defined({
    name: "loam",
    image: w.image,
    imagePullPolicy: "IfNotPresent",
    args: [
      ...["--slots", String(w.slots), "--context", String(w.context), "--quantize", w.form],
      ...["--shutdown-delay", String(w.shutdownDelaySeconds), "--shutdown-timeout", String(w.drainSeconds)],
    ],
    env:
      w.apiKeySecret === undefined
        ? undefined
        : [{ name: "LOAM_API_KEY", valueFrom: { secretKeyRef: { name: w.apiKeySecret, key: "api-key" } } }],
    envFrom: w.pullSecret === undefined ? undefined : [{ secretRef: { name: w.pullSecret } }],
    ports: [{ name: "http", containerPort: imagePort, protocol: "TCP" }],
    resources: {
      requests: { cpu: String(w.cpu), memory: mebibytes(memory.totalBytes) },
      limits: { memory: mebibytes(limitFactor * memory.totalBytes) },
    },
    ...probes(v),
    securityContext: containerSecurity,
    volumeMounts: [temporaryMount, ...modelMount(w)],
  });

const podOf = (v: DeployedVersion, w: KubernetesWishes, memory: MemoryPlan): object => ({
  serviceAccountName: w.name,
  automountServiceAccountToken: false,
  enableServiceLinks: false,
  terminationGracePeriodSeconds: graceSecondsOf(w),
  nodeSelector: { "kubernetes.io/arch": w.architecture, "kubernetes.io/os": "linux" },
  topologySpreadConstraints: [
    {
      maxSkew: 1,
      topologyKey: "kubernetes.io/hostname",
      whenUnsatisfiable: "ScheduleAnyway",
      labelSelector: { matchLabels: podSelector(w) },
    },
  ],
  securityContext: podSecurity,
  containers: [containerOf(v, w, memory)],
  volumes: [temporaryVolume, ...modelVolume(v, w)],
});

const deployment = (v: DeployedVersion, w: KubernetesWishes, memory: MemoryPlan): Manifest => ({
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: workloadMetadata(v, w),
  spec: {
    // an autoscaler's own, where there is one
    ...(w.autoscaling.by === "none" ? { replicas: w.autoscaling.minReplicas } : {}),
    revisionHistoryLimit: 5,
    // a start that has not ended by then has failed
    progressDeadlineSeconds: Math.max(600, 2 * startupSecondsOf(v)),
    selector: { matchLabels: podSelector(w) },
    strategy: { type: "RollingUpdate", rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
    template: { metadata: { labels: workloadLabels(v, w), annotations: lineageLabels(v) }, spec: podOf(v, w, memory) },
  },
});

/** In: from the deployment's namespace and those that are named, to the one port. Out: names, and the registry of pulled weights. */
const networkPolicy = (v: DeployedVersion, w: KubernetesWishes): Manifest => ({
  apiVersion: "networking.k8s.io/v1",
  kind: "NetworkPolicy",
  metadata: metadataOf(v, w),
  spec: {
    podSelector: { matchLabels: selectorOf(w.name) },
    policyTypes: ["Ingress", "Egress"],
    ingress: [
      {
        from: [
          { podSelector: {} },
          ...w.allowNamespaces.map(name => ({ namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": name } } })),
        ],
        ports: [{ protocol: "TCP", port: "http" }],
      },
    ],
    egress: [
      { ports: ["UDP", "TCP"].map(protocol => ({ protocol, port: 53 })) },
      ...(w.pullPort === undefined ? [] : [{ ports: [{ protocol: "TCP", port: w.pullPort }] }]),
    ],
  },
});

const claim = (v: DeployedVersion, w: KubernetesWishes & Required<Pick<KubernetesWishes, "claim">>): Manifest => ({
  apiVersion: "v1",
  kind: "PersistentVolumeClaim",
  metadata: metadataOf(v, w, "server", w.claim!.name),
  spec: {
    accessModes: ["ReadWriteOnce", "ReadOnlyMany"],
    resources: { requests: { storage: mebibytes(volumeBytes(v)) } },
    ...(w.claim!.storageClass === undefined ? {} : { storageClassName: w.claim!.storageClass }),
  },
});

const service = (v: DeployedVersion, w: KubernetesWishes, name: string, selector: Readonly<Record<string, string>>): Manifest => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: metadataOf(v, w, "server", name),
  spec: {
    type: "ClusterIP",
    selector,
    ports: [{ name: "http", port: 80, targetPort: "http", protocol: "TCP", appProtocol: "http" }],
  },
});

/** The pods that requests do not go to: the new color before the switch, the old one after it. */
const previewSelector = (w: KubernetesWishes, { live }: ColorWishes): Readonly<Record<string, string>> => ({
  ...selectorOf(w.name),
  [colorLabel]: otherColor(live),
});

/** By the names of their files. */
export const serverObjects = (v: DeployedVersion, w: KubernetesWishes, memory: MemoryPlan): Readonly<Record<string, Manifest>> => ({
  serviceaccount: { apiVersion: "v1", kind: "ServiceAccount", metadata: metadataOf(v, w), automountServiceAccountToken: false },
  ...(w.claim?.create ? { persistentvolumeclaim: claim(v, { ...w, claim: w.claim }) } : {}),
  deployment: deployment(v, w, memory),
  service: service(v, w, w.name, trafficSelector(w)),
  ...(w.colors?.other ? { "service-preview": service(v, w, `${w.name}-preview`, previewSelector(w, w.colors)) } : {}),
  // as pods that may be missing: a minimum that equals the replicas would block the drain of a node
  poddisruptionbudget: {
    apiVersion: "policy/v1",
    kind: "PodDisruptionBudget",
    metadata: workloadMetadata(v, w),
    spec: { maxUnavailable: 1, selector: { matchLabels: podSelector(w) } },
  },
  networkpolicy: networkPolicy(v, w),
});
