/** The objects of a job in Kubernetes: an Indexed Job, whose pods are told their number by the Job controller, and a Secret with the variables. */
import { defined } from "../base/index.ts";
import { containerSecurity, type KubernetesObject, podSecurityOf, podUser, temporaryMount, temporaryVolume } from "../kubernetes/index.ts";
import type { LaunchJob } from "./launcher.ts";
import { shellChecks } from "./task-script.ts";

export interface PodWishes {
  readonly image: string;
  readonly claim?: string | undefined;
  /** Where the claim is mounted. */
  readonly folder: string;
  readonly secret?: string | undefined;
  readonly user?: number | undefined;
}

/** A finished Job whose owner is gone stays a day, for its logs. */
const keptSeconds = 86_400;
export const indexAnnotation = "batch.kubernetes.io/job-completion-index";
export const containerName = "loam";

/** Arguments of a container; files are checked where there are any, by a shell that the image must have. */
function commandOf({ program, args, files = [], ...job }: LaunchJob): { readonly command?: string[]; readonly args: string[] } {
  if (files.length === 0) return { ...defined({ command: program === undefined ? undefined : [program] }), args: [...args] };
  const lines = shellChecks({ ...job, args, files }, sentence => `{ echo '${sentence.replaceAll("'", "")}' >&2; exit 127; }`);
  return {
    command: ["/bin/sh", "-c", `${lines.join("; ")}; exec "$@"`, "sh", ...(program === undefined ? [] : [program])],
    args: [...args],
  };
}

function podOf(job: LaunchJob, w: PodWishes, number: object, variables: string | undefined): object {
  const user = w.user ?? podUser.id;
  const secrets = [w.secret, variables].filter(s => s !== undefined);
  const memory = job.memoryBytes === undefined ? {} : { memory: String(job.memoryBytes) };
  return {
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    restartPolicy: "Never",
    securityContext: { ...podSecurityOf(user), fsGroup: user },
    containers: [
      {
        name: containerName,
        image: w.image,
        imagePullPolicy: "IfNotPresent",
        ...commandOf(job),
        workingDir: job.cwd,
        env: [number, { name: "LOAM_TASKS", value: String(job.tasks) }],
        ...(secrets.length === 0 ? {} : { envFrom: secrets.map(name => ({ secretRef: { name } })) }),
        resources: { requests: { cpu: String(job.cpus), ...memory }, ...(job.memoryBytes === undefined ? {} : { limits: memory }) },
        securityContext: containerSecurity,
        volumeMounts: [temporaryMount, ...(w.claim === undefined ? [] : [{ name: "project", mountPath: w.folder }])],
      },
    ],
    volumes: [temporaryVolume, ...(w.claim === undefined ? [] : [{ name: "project", persistentVolumeClaim: { claimName: w.claim } }])],
  };
}

const labels = { "app.kubernetes.io/name": "loam", "app.kubernetes.io/component": "worker", "app.kubernetes.io/managed-by": "loam" };

/**
 * One Job: `indexes` are its completions, in order. A pod that ends badly is not started again by Kubernetes (`superviseTasks` does that, and counts), but one that a
 * drained node took is.
 */
export function jobManifest(name: string, job: LaunchJob, w: PodWishes, variables: string | undefined): KubernetesObject {
  // a single task has its number as a value; several read their completion index, which equals it when they count from 0
  const number =
    job.indexes.length === 1
      ? { name: "LOAM_TASK", value: String(job.indexes[0]) }
      : { name: "LOAM_TASK", valueFrom: { fieldRef: { fieldPath: `metadata.annotations['${indexAnnotation}']` } } };
  const manifest = {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: { name, labels },
    spec: {
      ttlSecondsAfterFinished: keptSeconds,
      completionMode: "Indexed",
      completions: job.indexes.length,
      parallelism: job.indexes.length,
      backoffLimitPerIndex: 0,
      podFailurePolicy: { rules: [{ action: "Ignore", onPodConditions: [{ type: "DisruptionTarget", status: "True" }] }] },
      template: { metadata: { labels }, spec: podOf(job, w, number, variables) },
    },
  };
  return manifest;
}

export const secretManifest = (
  name: string,
  variables: Readonly<Record<string, string>>,
): KubernetesObject & { readonly stringData: object } => ({
  apiVersion: "v1",
  kind: "Secret",
  metadata: { name, labels },
  stringData: variables,
});
