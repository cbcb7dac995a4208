/** What installs the operator: the CRD, its account with the rights that it uses, its Deployment, and the API of external metrics for autoscalers. */
import { imagePlaces, imageUser } from "../image/plan.ts";
import { managerName, requestsMetric } from "./children.ts";
import { loamModelDefinition } from "./crd.ts";

export interface OperatorWishes {
  /** Any image of `loam deploy image`. */
  readonly image: string;
  /** Default: loam-system. */
  readonly namespace?: string | undefined;
  /** The one namespace whose LoamModels it takes care of; default: all. */
  readonly watched?: string | undefined;
  /** Default: 2. */
  readonly replicas?: number | undefined;
  /** Where registries are to be reached from the operator's pods, by host. */
  readonly registries?: Readonly<Record<string, string>> | undefined;
}

const externalMetricsPort = 6443;
const rbac = "rbac.authorization.k8s.io";

const rule = (apiGroup: string, resources: readonly string[], verbs: readonly string[]) => ({ apiGroups: [apiGroup], resources, verbs });
/** Server-side apply is create or patch. */
const kept = ["list", "watch", "create", "patch", "delete"];

/** Of the LoamModels and what belongs to them. */
const modelRules = [
  rule("loam.dev", ["loammodels"], ["list", "watch", "patch"]),
  // of finalizers: owner references that hold up the owner's deletion, where the admission controller OwnerReferencesPermissionEnforcement is on
  rule("loam.dev", ["loammodels/status", "loammodels/finalizers"], ["update"]),
  rule("apps", ["deployments"], kept),
  rule("", ["services"], kept),
  rule("autoscaling", ["horizontalpodautoscalers"], kept),
  rule("", ["pods"], ["list", "watch"]),
  rule("events.k8s.io", ["events"], ["create"]),
];
/** Of its own namespace. */
const leaseRules = [rule("coordination.k8s.io", ["leases"], ["get", "create", "update"])];

const bound = (
  kind: "Role" | "ClusterRole",
  name: string,
  role: string,
  namespace: string | undefined,
  subject: object,
  of: "Role" | "ClusterRole" = kind,
) => ({
  apiVersion: `${rbac}/v1`,
  kind: `${kind}Binding`,
  metadata: { name, ...(namespace === undefined ? {} : { namespace }) },
  roleRef: { apiGroup: rbac, kind: of, name: role },
  subjects: [subject],
});

function account({ namespace = "loam-system", watched }: OperatorWishes): readonly object[] {
  const name = managerName;
  const self = { kind: "ServiceAccount", name, namespace };
  const kind = watched === undefined ? "ClusterRole" : "Role";
  const at = watched === undefined ? {} : { namespace: watched };
  const hpa = { kind: "ServiceAccount", name: "horizontal-pod-autoscaler", namespace: "kube-system" };
  return [
    { apiVersion: "v1", kind: "ServiceAccount", metadata: { name, namespace } },
    { apiVersion: `${rbac}/v1`, kind, metadata: { name, ...at }, rules: modelRules },
    bound(kind, name, name, watched, self),
    { apiVersion: `${rbac}/v1`, kind: "Role", metadata: { name: `${name}-lease`, namespace }, rules: leaseRules },
    bound("Role", `${name}-lease`, `${name}-lease`, namespace, self),
    // whose certificates the API server shows to servers of further APIs
    bound("Role", `${name}-authentication`, "extension-apiserver-authentication-reader", "kube-system", self),
    {
      apiVersion: `${rbac}/v1`,
      kind: "ClusterRole",
      metadata: { name: `${name}-metrics-reader` },
      rules: [rule("external.metrics.k8s.io", [requestsMetric], ["list"])],
    },
    bound("ClusterRole", `${name}-metrics-reader`, `${name}-metrics-reader`, undefined, hpa),
  ];
}

function workload({ image, namespace = "loam-system", watched, replicas = 2, registries = {} }: OperatorWishes): readonly object[] {
  const labels = { "app.kubernetes.io/name": managerName };
  const probe = (path: string) => ({ httpGet: { path, port: "https", scheme: "HTTPS" } });
  const args = [
    ...(watched === undefined ? [] : ["--watch", watched]),
    ...Object.entries(registries).flatMap(([host, url]) => ["--registry", `${host}=${url}`]),
  ];
  const container = {
    name: "operator",
    image,
    command: [`/${imagePlaces.node}`, `/${imagePlaces.program}`, "deploy", "operator", "--run"],
    args: [...args, "--metrics-port", String(externalMetricsPort)],
    ports: [{ name: "https", containerPort: externalMetricsPort }],
    env: [{ name: "POD_NAME", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } }],
    readinessProbe: { ...probe("/readyz"), periodSeconds: 2 },
    livenessProbe: { ...probe("/healthz"), periodSeconds: 10 },
    resources: { requests: { cpu: "100m", memory: "128Mi" }, limits: { memory: "512Mi" } },
    securityContext: { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ["ALL"] } },
    volumeMounts: [{ name: "tmp", mountPath: "/tmp" }],
  };
  const pod = {
    serviceAccountName: managerName,
    securityContext: { runAsNonRoot: true, runAsUser: imageUser.id, runAsGroup: imageUser.id, seccompProfile: { type: "RuntimeDefault" } },
    containers: [container],
    volumes: [{ name: "tmp", emptyDir: {} }],
  };
  return [
    {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name: managerName, namespace, labels },
      spec: { replicas, selector: { matchLabels: labels }, template: { metadata: { labels }, spec: pod } },
    },
    {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: managerName, namespace, labels },
      spec: { selector: labels, ports: [{ name: "https", port: 443, targetPort: "https" }] },
    },
  ];
}

const externalMetrics = ({ namespace = "loam-system" }: OperatorWishes) => ({
  apiVersion: "apiregistration.k8s.io/v1",
  kind: "APIService",
  metadata: { name: "v1beta1.external.metrics.k8s.io" },
  spec: {
    group: "external.metrics.k8s.io",
    version: "v1beta1",
    groupPriorityMinimum: 100,
    versionPriority: 100,
    // each replica makes a certificate of its own at start; the API server shows one that the replicas check
    insecureSkipTLSVerify: true,
    service: { name: managerName, namespace, port: 443 },
  },
});

export interface InstallFile {
  readonly path: string;
  readonly objects: readonly object[];
}

/** In the order that they are applied in. */
export const planOperator = (wishes: OperatorWishes): readonly InstallFile[] => [
  { path: "00-crd.yaml", objects: [loamModelDefinition()] },
  { path: "10-namespace.yaml", objects: [{ apiVersion: "v1", kind: "Namespace", metadata: { name: wishes.namespace ?? "loam-system" } }] },
  { path: "20-rbac.yaml", objects: account(wishes) },
  { path: "30-operator.yaml", objects: workload(wishes) },
  { path: "40-external-metrics.yaml", objects: [externalMetrics(wishes)] },
];
