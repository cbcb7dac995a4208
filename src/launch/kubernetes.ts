/**
 * Kubernetes: a job is an Indexed Job, a task that is started again one of its own. Variables go into a Secret that the Job owns, so that it goes with it.
 * States are read from the Job and its pods; logs are the pods'.
 */
import { randomBytes } from "node:crypto";
import { environment, isLoamError, pause } from "../base/index.ts";
import {
  isKubernetesError,
  type KubernetesClient,
  type KubernetesObject,
  kubernetesResources,
  openKubernetesAccount,
  openKubernetesClient,
  resourcePath,
} from "../kubernetes/index.ts";
import { arrayIndexes } from "./array-indexes.ts";
import { checkJob } from "./check-job.ts";
import { launchErrors } from "./errors.ts";
import { containerName, indexAnnotation, jobManifest, type PodWishes, secretManifest } from "./kubernetes-objects.ts";
import { isTaskOver, type Launcher, type LaunchJob, logBytes, type RunningJob, type TaskState } from "./launcher.ts";
import { endedBy } from "./task-end.ts";

export interface KubernetesLaunchOptions extends Omit<PodWishes, "image"> {
  readonly image?: string | undefined;
  readonly namespace?: string | undefined;
  readonly context?: string | undefined;
  readonly kubeconfig?: string | undefined;
}

const fieldManager = "loam-launch";
/** Pods have 30 s to end by SIGTERM. */
const longestCancelMs = 120_000;

interface ContainerState {
  readonly terminated?: { readonly exitCode: number; readonly signal?: number; readonly reason?: string; readonly message?: string };
  readonly waiting?: { readonly reason?: string; readonly message?: string };
}

interface Pod extends KubernetesObject {
  readonly spec?: { readonly nodeName?: string };
  readonly status?: {
    readonly phase?: string;
    readonly reason?: string;
    readonly message?: string;
    readonly containerStatuses?: readonly { readonly state?: ContainerState }[];
    readonly conditions?: readonly { readonly type: string; readonly status: string; readonly message?: string }[];
  };
}

interface Job extends KubernetesObject {
  readonly status?: { readonly completedIndexes?: string; readonly failedIndexes?: string };
}

/** Waits that no pod comes out of by waiting. */
const hopeless = ["InvalidImageName", "ErrImageNeverPull", "ImagePullBackOff", "CreateContainerConfigError", "CreateContainerError"];
const killedReasons = ["OOMKilled", "Evicted", "ContainerStatusUnknown"];

/** The state of a task by its newest pod. */
export function podState(pod: Pod): TaskState {
  const { phase, containerStatuses = [], conditions = [], reason, message } = pod.status ?? {};
  const { terminated, waiting } = containerStatuses[0]?.state ?? {};
  if (phase === "Succeeded") return { state: "succeeded" };
  if (phase === "Failed") {
    if (terminated === undefined || killedReasons.includes(terminated.reason ?? ""))
      return { state: "killed", reason: `Kubernetes: ${terminated?.reason ?? reason ?? message ?? "the pod failed"}` };
    // the runtime could not start the program: it says so by 128 and a message
    if (terminated.reason === "StartError" || terminated.reason === "ContainerCannotRun")
      return { state: "failed", exitCode: 127, reason: terminated.message ?? terminated.reason };
    return endedBy(terminated.exitCode);
  }
  if (waiting?.reason !== undefined && hopeless.includes(waiting.reason))
    return { state: "failed", exitCode: null, reason: `${waiting.reason}: ${waiting.message ?? ""}` };
  if (phase === "Running") return { state: "running", ...(pod.spec?.nodeName === undefined ? {} : { node: pod.spec.nodeName }) };
  const unscheduled = conditions.find(c => c.type === "PodScheduled" && c.status === "False")?.message;
  const why = unscheduled ?? waiting?.reason;
  return { state: "pending", ...(why === undefined ? {} : { reason: `Kubernetes: ${why}` }) };
}

/** Errors of the API as this module's: one that is away, and one that refuses. */
async function asLaunch<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    const place = "Kubernetes";
    if (["unreachable", "unavailable", "throttled", "unauthorized"].some(code => isLoamError(error, `kubernetes/${code}`)))
      throw launchErrors.fail("engine", { place, message: (error as Error).message }, error);
    if (["invalid", "forbidden", "notFound", "conflict"].some(code => isLoamError(error, `kubernetes/${code}`)))
      throw launchErrors.fail("refused", { place, message: (error as Error).message }, error);
    throw error;
  }
}

class KubernetesJob implements RunningJob {
  readonly id: string;
  readonly #client: KubernetesClient;
  readonly #job: LaunchJob;
  readonly #namespace: string;
  readonly #over = new Map<number, TaskState>();
  #isCancelled = false;

  constructor(id: string, client: KubernetesClient, job: LaunchJob, namespace: string) {
    [this.id, this.#client, this.#job, this.#namespace] = [id, client, job, namespace];
  }

  get #at() {
    return { name: this.id, namespace: this.#namespace };
  }

  /** The newest pod by position in `indexes`. */
  async #pods(): Promise<Map<number, Pod>> {
    const { items } = await this.#client.list<Pod>(kubernetesResources.pods, { namespace: this.#namespace, labels: `job-name=${this.id}` });
    const sorted = items.toSorted((a, b) => (a.metadata.creationTimestamp ?? "").localeCompare(b.metadata.creationTimestamp ?? ""));
    return new Map(sorted.map(pod => [Number(pod.metadata.annotations?.[indexAnnotation]), pod]));
  }

  tasks = (): Promise<ReadonlyMap<number, TaskState>> => asLaunch(this.#look());

  async #look(): Promise<ReadonlyMap<number, TaskState>> {
    const job = await this.#client.find<Job>(kubernetesResources.jobs, this.#at);
    const pods = job === undefined ? new Map<number, Pod>() : await this.#pods();
    const completed = new Set(arrayIndexes(job?.status?.completedIndexes ?? ""));
    const failed = new Set(arrayIndexes(job?.status?.failedIndexes ?? ""));
    const states = this.#job.indexes.map((index, at): [number, TaskState] => {
      const known = this.#over.get(index);
      if (known) return [index, known];
      const pod = pods.get(at);
      const state: TaskState = completed.has(at)
        ? { state: "succeeded" }
        : job === undefined
          ? { state: "killed", reason: this.#isCancelled ? "cancelled" : "the Job was deleted" }
          : pod !== undefined
            ? podState(pod)
            : failed.has(at)
              ? { state: "killed", reason: "Kubernetes: the pod was deleted" }
              : { state: "pending" };
      // a pod that a drained node took has another one soon: only the Job says that an index is over
      const settled: TaskState =
        state.state === "killed" && job !== undefined && !failed.has(at) ? { state: "pending", reason: state.reason } : state;
      if (isTaskOver(settled)) this.#over.set(index, settled);
      return [index, settled];
    });
    return new Map(states);
  }

  async logs(index: number): Promise<string> {
    const pod = (await this.#pods()).get(this.#job.indexes.indexOf(index));
    if (pod?.metadata.name === undefined) return "";
    const path = resourcePath(kubernetesResources.pods, { namespace: this.#namespace, name: pod.metadata.name, subresource: "log" });
    // a pod that waits has none
    const text = await this.#client.text(`${path}?container=${containerName}&tailLines=2000`).catch(() => "");
    return text.slice(-logBytes);
  }

  async cancel(): Promise<void> {
    if (this.#isCancelled) return;
    // tasks that have ended by now keep their state
    await this.tasks();
    this.#isCancelled = true;
    await this.#delete();
    for (const end = performance.now() + longestCancelMs; performance.now() < end; await pause(200)) {
      if ((await this.#pods()).size === 0 && (await this.#client.find(kubernetesResources.jobs, this.#at)) === undefined) return;
    }
    throw launchErrors.fail("engine", {
      place: `Job ${this.id}`,
      expected: "pods that end",
      received: `some after ${longestCancelMs / 1000} s`,
    });
  }

  async #delete(): Promise<void> {
    try {
      await this.#client.delete(kubernetesResources.jobs, this.#at, { propagation: "Foreground" });
    } catch (error) {
      if (!isKubernetesError(error, "notFound")) throw error;
    }
  }

  close = (): Promise<void> => this.#delete();
}

async function submitted(client: KubernetesClient, job: LaunchJob, wishes: PodWishes, namespace: string): Promise<KubernetesJob> {
  const name = `${job.name}-${randomBytes(5).toString("hex")}`;
  const hasVariables = Object.keys(job.env).length > 0;
  const at = { name, namespace };
  if (hasVariables)
    await client.create(kubernetesResources.secrets, inNamespace(secretManifest(name, job.env), namespace), { fieldManager });
  try {
    const made = await client.create(
      kubernetesResources.jobs,
      inNamespace(jobManifest(name, job, wishes, hasVariables ? name : undefined), namespace),
      {
        fieldManager,
      },
    );
    const owner = { apiVersion: "batch/v1", kind: "Job", name, uid: made.metadata.uid };
    if (hasVariables) await client.patch(kubernetesResources.secrets, at, { metadata: { ownerReferences: [owner] } }, { fieldManager });
  } catch (error) {
    if (hasVariables) await client.delete(kubernetesResources.secrets, at).catch(() => {});
    throw error;
  }
  return new KubernetesJob(name, client, job, namespace);
}

const inNamespace = <T extends KubernetesObject>(object: T, namespace: string): T => ({
  ...object,
  metadata: { ...object.metadata, namespace },
});

/** Several submissions as one. */
const together = (parts: readonly KubernetesJob[]): RunningJob => ({
  id: parts.map(p => p.id).join(","),
  tasks: async () => new Map((await Promise.all(parts.map(p => p.tasks()))).flatMap(states => [...states])),
  async logs(index) {
    for (const part of parts) {
      const log = await part.logs(index);
      if (log !== "") return log;
    }
    return "";
  },
  cancel: async () => void (await Promise.all(parts.map(p => p.cancel()))),
  close: async () => void (await Promise.all(parts.map(p => p.close()))),
});

/** Errors: launch/job without an image; kubernetes/configuration. */
export function kubernetesLauncher({ image, ...o }: KubernetesLaunchOptions): Launcher {
  if (image === undefined)
    throw launchErrors.fail("job", {
      place: "launch.kubernetes.image",
      expected: "the image of the workers",
      received: "none",
      hint: "An image of a whole Loam, whose entry point is `loam`: docs/launch.md builds one.",
    });
  const client = openKubernetesClient(openKubernetesAccount(environment(), o));
  const namespace = o.namespace ?? client.account.namespace;
  return {
    engine: "kubernetes",
    lookMs: 1000,
    async submit(job) {
      checkJob(job);
      const count = job.indexes.every((index, at) => index === at);
      const parts = job.indexes.length > 0 && count ? [job] : job.indexes.map(index => ({ ...job, indexes: [index] }));
      const running: KubernetesJob[] = [];
      try {
        for (const part of parts) running.push(await asLaunch(submitted(client, part, { ...o, image }, namespace)));
      } catch (error) {
        for (const part of running) await part.cancel().catch(() => {});
        throw error;
      }
      return running.length === 1 ? running[0]! : together(running);
    },
    close: () => client.close(),
  };
}
