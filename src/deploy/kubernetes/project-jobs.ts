/** Pods that run `loam` over a whole project: curation by one process and an Indexed Job of workers, and a CronJob that looks for a reason to retrain. */
import { defined } from "../../base/index.ts";
import { containerSecurity, temporaryMount, temporaryVolume } from "../../kubernetes/index.ts";
import type { DeployedVersion } from "../version.ts";
import { metadataOf, objectLabels, podSecurity } from "./common.ts";
import type { Manifest } from "./document.ts";
import type { KubernetesWishes, ProjectWishes } from "./wishes.ts";

const projectFolder = "/project";
/** A worker leaves after so long without a job: the run puts it on the board a moment later than they start. */
const idleSeconds = 300;
const retries = 3;
/** A finished job stays a day, for its logs. */
const keptSeconds = 86_400;

const podOf = (w: KubernetesWishes, p: ProjectWishes, args: readonly string[], restartPolicy: "Never" | "OnFailure"): object => ({
  serviceAccountName: w.name,
  automountServiceAccountToken: false,
  enableServiceLinks: false,
  restartPolicy,
  securityContext: { ...podSecurity, fsGroup: podSecurity.runAsGroup },
  containers: [
    defined({
      name: "loam",
      image: p.image,
      imagePullPolicy: "IfNotPresent",
      // whatever the image's own entry point is: of a serving image it is `loam serve`, which would take these arguments for names of models
      command: ["loam"],
      args: [...args, "--project", projectFolder],
      envFrom: p.secret === undefined ? undefined : [{ secretRef: { name: p.secret } }],
      resources: { requests: { cpu: "1", memory: "1Gi" } },
      securityContext: containerSecurity,
      volumeMounts: [temporaryMount, { name: "project", mountPath: projectFolder }],
    }),
  ],
  volumes: [temporaryVolume, { name: "project", persistentVolumeClaim: { claimName: p.claim } }],
});

function dataJobs(v: DeployedVersion, w: KubernetesWishes, p: ProjectWishes): Readonly<Record<string, Manifest>> {
  if (p.data === undefined) return {};
  const { name, workers } = p.data;
  const job = (end: string, args: readonly string[], spec: object): Manifest => ({
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: metadataOf(v, w, "data", `${w.name}-${end}`),
    spec: {
      ttlSecondsAfterFinished: keptSeconds,
      ...spec,
      template: { metadata: { labels: objectLabels(v, w, "data") }, spec: podOf(w, p, args, "Never") },
    },
  });
  return {
    "job-data-run": job("data-run", ["data", "run", name, "--shared"], { backoffLimit: retries }),
    // a worker that is killed loses its task alone, and another one takes it
    "job-data-work": job("data-work", ["data", "work", "--for", String(idleSeconds)], {
      completionMode: "Indexed",
      completions: workers,
      parallelism: workers,
      backoffLimitPerIndex: retries,
    }),
  };
}

const loopJob = (v: DeployedVersion, w: KubernetesWishes, p: ProjectWishes, schedule: string): Manifest => ({
  apiVersion: "batch/v1",
  kind: "CronJob",
  metadata: metadataOf(v, w, "loop", `${w.name}-loop`),
  spec: {
    schedule,
    timeZone: "Etc/UTC",
    // one process directs a loop
    concurrencyPolicy: "Forbid",
    startingDeadlineSeconds: 3600,
    successfulJobsHistoryLimit: 3,
    failedJobsHistoryLimit: 3,
    jobTemplate: {
      spec: {
        backoffLimit: 1,
        template: {
          metadata: { labels: objectLabels(v, w, "loop") },
          spec: podOf(w, p, ["loop", "run", v.model], "Never"),
        },
      },
    },
  },
});

export const projectObjects = (v: DeployedVersion, w: KubernetesWishes): Readonly<Record<string, Manifest>> =>
  w.project === undefined
    ? {}
    : {
        ...dataJobs(v, w, w.project),
        ...(w.project.loop === undefined ? {} : { "cronjob-loop": loopJob(v, w, w.project, w.project.loop) }),
      };
