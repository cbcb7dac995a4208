/** Manifests of one model's Deployment and Services, as objects: one pod more at most while it rolls, never one less, no privileges, a read-only root. */

/**
 * @typedef {{ name: string, image: string, replicas?: number, labels?: Record<string, string>, memory?: string, cpu?: string, args?: readonly string[], graceSeconds?: number, pod?: Record<string, unknown> }} DeploymentWishes
 */

const nameLabel = "app.kubernetes.io/name";

/** @param {DeploymentWishes} wishes */
export function deployment({
  name,
  image,
  replicas = 2,
  labels = {},
  memory = "512Mi",
  cpu = "100m",
  args = [],
  graceSeconds = 120,
  pod = {},
}) {
  const http = (/** @type {string} */ path) => ({ httpGet: { path, port: "http" }, timeoutSeconds: 10 });
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name },
    spec: {
      replicas,
      selector: { matchLabels: { [nameLabel]: name } },
      strategy: { type: "RollingUpdate", rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
      template: {
        metadata: { labels: { [nameLabel]: name, ...labels } },
        spec: {
          terminationGracePeriodSeconds: graceSeconds,
          automountServiceAccountToken: false,
          securityContext: { runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } },
          containers: [
            {
              name: "loam",
              image,
              imagePullPolicy: "IfNotPresent",
              args,
              ports: [{ name: "http", containerPort: 8080 }],
              startupProbe: { ...http("/readyz"), periodSeconds: 1, failureThreshold: 240 },
              readinessProbe: { ...http("/readyz"), periodSeconds: 2, failureThreshold: 3 },
              livenessProbe: { ...http("/healthz"), periodSeconds: 10, failureThreshold: 6 },
              resources: { requests: { cpu, memory }, limits: { memory } },
              securityContext: { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ["ALL"] } },
              volumeMounts: [{ name: "tmp", mountPath: "/tmp" }],
            },
          ],
          volumes: [{ name: "tmp", emptyDir: {} }],
          ...pod,
        },
      },
    },
  };
}

/** @param {string} name @param {Record<string, string>} [selector] */
export const service = (name, selector = { [nameLabel]: name }) => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: { name },
  spec: { selector, ports: [{ name: "http", port: 80, targetPort: "http" }] },
});

/** @param {string} name */
export const disruptionBudget = name => ({
  apiVersion: "policy/v1",
  kind: "PodDisruptionBudget",
  metadata: { name },
  spec: { maxUnavailable: 1, selector: { matchLabels: { [nameLabel]: name } } },
});

/**
 * By the share of the requested processor time that is in use.
 * @param {string} name @param {{ least: number, most: number, percent: number }} bounds
 */
export const autoscaler = (name, { least, most, percent }) => ({
  apiVersion: "autoscaling/v2",
  kind: "HorizontalPodAutoscaler",
  metadata: { name },
  spec: {
    scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name },
    minReplicas: least,
    maxReplicas: most,
    metrics: [{ type: "Resource", resource: { name: "cpu", target: { type: "Utilization", averageUtilization: percent } } }],
    behavior: {
      scaleUp: { stabilizationWindowSeconds: 0 },
      scaleDown: { stabilizationWindowSeconds: 10, policies: [{ type: "Pods", value: 1, periodSeconds: 5 }] },
    },
  },
});
