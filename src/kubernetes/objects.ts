/** Objects of the Kubernetes API as plain data, and the addresses of their resources. Only the fields that a client reads have types. */

export interface OwnerReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
  readonly controller?: boolean;
  readonly blockOwnerDeletion?: boolean;
}

export interface ObjectMeta {
  readonly name?: string;
  readonly generateName?: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly generation?: number;
  readonly creationTimestamp?: string;
  readonly deletionTimestamp?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly finalizers?: readonly string[];
  readonly ownerReferences?: readonly OwnerReference[];
}

export interface KubernetesObject {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata: ObjectMeta;
}

export interface KubernetesResource {
  /** `apps/v1`; `v1` for the core group. */
  readonly apiVersion: string;
  readonly kind: string;
  /** As in paths: `deployments`. */
  readonly plural: string;
  readonly isNamespaced: boolean;
}

const namespaced = (apiVersion: string, kind: string, plural: string): KubernetesResource => ({
  apiVersion,
  kind,
  plural,
  isNamespaced: true,
});
const clusterWide = (apiVersion: string, kind: string, plural: string): KubernetesResource => ({
  apiVersion,
  kind,
  plural,
  isNamespaced: false,
});

/** Resources that every cluster has. */
export const kubernetesResources = {
  namespaces: clusterWide("v1", "Namespace", "namespaces"),
  nodes: clusterWide("v1", "Node", "nodes"),
  pods: namespaced("v1", "Pod", "pods"),
  services: namespaced("v1", "Service", "services"),
  serviceAccounts: namespaced("v1", "ServiceAccount", "serviceaccounts"),
  configMaps: namespaced("v1", "ConfigMap", "configmaps"),
  secrets: namespaced("v1", "Secret", "secrets"),
  persistentVolumeClaims: namespaced("v1", "PersistentVolumeClaim", "persistentvolumeclaims"),
  events: namespaced("events.k8s.io/v1", "Event", "events"),
  endpointSlices: namespaced("discovery.k8s.io/v1", "EndpointSlice", "endpointslices"),
  leases: namespaced("coordination.k8s.io/v1", "Lease", "leases"),
  deployments: namespaced("apps/v1", "Deployment", "deployments"),
  replicaSets: namespaced("apps/v1", "ReplicaSet", "replicasets"),
  statefulSets: namespaced("apps/v1", "StatefulSet", "statefulsets"),
  jobs: namespaced("batch/v1", "Job", "jobs"),
  cronJobs: namespaced("batch/v1", "CronJob", "cronjobs"),
  horizontalPodAutoscalers: namespaced("autoscaling/v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers"),
  podDisruptionBudgets: namespaced("policy/v1", "PodDisruptionBudget", "poddisruptionbudgets"),
  networkPolicies: namespaced("networking.k8s.io/v1", "NetworkPolicy", "networkpolicies"),
  roles: namespaced("rbac.authorization.k8s.io/v1", "Role", "roles"),
  roleBindings: namespaced("rbac.authorization.k8s.io/v1", "RoleBinding", "rolebindings"),
  clusterRoles: clusterWide("rbac.authorization.k8s.io/v1", "ClusterRole", "clusterroles"),
  clusterRoleBindings: clusterWide("rbac.authorization.k8s.io/v1", "ClusterRoleBinding", "clusterrolebindings"),
  customResourceDefinitions: clusterWide("apiextensions.k8s.io/v1", "CustomResourceDefinition", "customresourcedefinitions"),
  apiServices: clusterWide("apiregistration.k8s.io/v1", "APIService", "apiservices"),
} as const satisfies Readonly<Record<string, KubernetesResource>>;

/** The path of a resource, of one object, or of an object's subresource. Without a namespace: of all namespaces. */
export function resourcePath(
  { apiVersion, plural, isNamespaced }: KubernetesResource,
  at: { readonly namespace?: string | undefined; readonly name?: string | undefined; readonly subresource?: string | undefined } = {},
): string {
  const root = apiVersion.includes("/") ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const parts = isNamespaced && at.namespace !== undefined ? ["namespaces", at.namespace, plural] : [plural];
  if (at.name !== undefined) parts.push(at.name, ...(at.subresource === undefined ? [] : [at.subresource]));
  return `${root}/${parts.map(encodeURIComponent).join("/")}`;
}
