/** The operator at work: follows the cluster, elects a leader, and lets the leader bring every LoamModel to what it says. */
import { type Clock, isLoamError } from "../../base/index.ts";
import { isKubernetesError, type KubernetesClient } from "../../kubernetes/index.ts";
import type { PodReading } from "./canary-test.ts";
import { type CarryOut, carryOut } from "./carry-out.ts";
import { labelNames } from "./children.ts";
import type { Resolutions } from "./choose.ts";
import { canaryTestOf, decideModel, resolveAgainMs } from "./decide.ts";
import { type EventQueue, lookAgainMs, mostHeldBackMs, openEventQueue } from "./events.ts";
import { imageName, openResolver } from "./images.ts";
import { openLease } from "./lease.ts";
import { isReadyPod, type Pod } from "./objects.ts";
import { type PodFigures, podFigures } from "./pod-metrics.ts";
import { type LoamModel, loamModelSpec } from "./spec.ts";
import { type ClusterView, openView } from "./view.ts";
import { openWorkQueue, type WorkQueue } from "./work-queue.ts";

export interface OperatorOptions {
  readonly client: KubernetesClient;
  /** Whose LoamModels; null: of all namespaces. */
  readonly watched: string | null;
  /** Where the lease is. */
  readonly namespace: string;
  /** Of this process alone. */
  readonly identity: string;
  readonly clock: Clock;
  readonly registries?: Readonly<Record<string, string>> | undefined;
  readonly leaseMs?: number | undefined;
  readonly signal: AbortSignal;
  /** One line of a log. */
  readonly log: (level: "info" | "warn", message: string) => void;
}

export interface RunningOperator {
  readonly view: ClusterView;
  readonly isLeader: boolean;
  /** LoamModels that wait or are worked on. */
  readonly pending: number;
  /** Ends with the signal, when the lease is released. */
  readonly done: Promise<void>;
}

const workers = 16;
const readMs = 3_000;
const leaseName = "loam-operator";

/** Errors: of `fetch`, a TypeError or the signal's reason. */
async function readPodFigures(pod: Pod, port: number, signal: AbortSignal): Promise<PodFigures> {
  const host = pod.status!.podIP!;
  const response = await fetch(`http://${host.includes(":") ? `[${host}]` : host}:${port}/metrics`, {
    signal: AbortSignal.any([signal, AbortSignal.timeout(readMs)]),
  });
  if (!response.ok) throw new TypeError(`${response.status} of ${response.url}`);
  return podFigures(await response.text());
}

/** What pods can be read: one that does not answer is left out. */
export const readPods = async (pods: readonly Pod[], port: number, signal: AbortSignal): Promise<ReadonlyMap<Pod, PodFigures>> => {
  const figures = await Promise.allSettled(pods.map(p => readPodFigures(p, port, signal)));
  return new Map(pods.flatMap((p, i) => (figures[i]!.status === "fulfilled" ? [[p, figures[i]!.value] as const] : [])));
};

const runs = (pod: Pod, track: string, image: string | undefined): boolean => {
  const { containers = [] } = (pod.spec ?? {}) as { readonly containers?: readonly { readonly image?: string }[] };
  return pod.metadata.labels?.[labelNames.track] === track && containers[0]?.image === image;
};

async function readCanary(model: LoamModel, view: ClusterView, nowMs: number, signal: AbortSignal): Promise<PodReading | undefined> {
  const { canary, stable } = model.status ?? {};
  const test = canaryTestOf(model);
  if (!test || canary?.phase !== "Running" || nowMs - test.readMs < (model.spec.canary?.intervalSeconds ?? 10) * 950) return undefined;
  const ready = view.pods(model.metadata.namespace!, model.metadata.name!).filter(isReadyPod);
  const sides = {
    control: ready.filter(p => runs(p, "stable", stable?.image)),
    treatment: ready.filter(p => runs(p, "canary", canary.image)),
  };
  const figures = await readPods([...sides.control, ...sides.treatment], model.spec.port, signal);
  const of = (pods: readonly Pod[]) =>
    Object.fromEntries(
      pods.flatMap(p => {
        const f = figures.get(p);
        return f ? [[p.metadata.uid!, { requests: f.requests, errors: f.errors, buckets: f.buckets }] as const] : [];
      }),
    );
  return { atMs: nowMs, pods: { control: of(sides.control), treatment: of(sides.treatment) } };
}

const restartsOf = (pods: readonly Pod[], image: string | undefined): number =>
  Math.max(0, ...pods.filter(p => runs(p, "canary", image)).flatMap(p => (p.status?.containerStatuses ?? []).map(c => c.restartCount)));

type Resolve = ReturnType<typeof openResolver>;

async function resolutionsOf({ spec }: LoamModel, resolve: Resolve): Promise<Resolutions> {
  const hasOwn = spec.canary?.version !== undefined || spec.canary?.alias !== undefined;
  const [wished, canary, shadow] = await Promise.all([
    resolve(imageName(spec, spec)),
    hasOwn ? resolve(imageName(spec, spec.canary!)) : undefined,
    spec.shadow ? resolve(imageName(spec, spec.shadow)) : undefined,
  ]);
  return { wished, canary, shadow };
}

/** Of one time of leading. */
interface Leading {
  readonly o: CarryOut;
  readonly events: EventQueue;
  /** Statuses that only tell of progress, and since when they wait. */
  readonly heldBack: Map<string, number>;
}

export function runOperator(options: OperatorOptions): RunningOperator {
  const { client, identity, clock, signal, log } = options;
  let queue: WorkQueue | undefined;
  const failed = (error: Error) => log("warn", error.message);
  const view = openView({ client, namespace: options.watched, signal, failed, changed: key => queue?.add(key) });
  const lease = openLease(client, { name: leaseName, namespace: options.namespace, identity, clock, durationMs: options.leaseMs, failed });
  const resolve = openResolver({
    registries: options.registries ?? {},
    signal,
    keptMs: resolveAgainMs * 0.9,
    now: () => clock.monotonic(),
  });
  // what one could do without for a while gives way to what models wait for
  const isBusy = () => (queue?.size ?? 0) > workers;
  const reconcile = async (key: string, { o, events, heldBack }: Leading): Promise<number | null> => {
    const raw = view.model(key);
    if (!raw) {
      heldBack.delete(key);
      return null;
    }
    // the API server filled in the defaults of its schema; this one may be newer
    const model: LoamModel = { ...raw, spec: loamModelSpec.parse(raw.spec) };
    const nowMs = clock.now();
    const isLeaving = model.metadata.deletionTimestamp !== undefined;
    const resolved = isLeaving ? { wished: { from: "", reason: "Deleted", message: "" } } : await resolutionsOf(model, resolve);
    const reading = isLeaving ? undefined : await readCanary(model, view, nowMs, o.signal);
    const canaryRestarts = model.status?.canary
      ? restartsOf(view.pods(model.metadata.namespace!, model.metadata.name!), model.status.canary.image)
      : 0;
    const plan = decideModel(model, { nowMs, resolved, reading, canaryRestarts, ...view.children(model) });
    if (plan.isProgressOnly && isBusy()) {
      const sinceMs = heldBack.get(key) ?? nowMs;
      heldBack.set(key, sinceMs);
      if (Math.abs(nowMs - sinceMs) < mostHeldBackMs) return Math.min(lookAgainMs, plan.againMs ?? lookAgainMs);
    }
    heldBack.delete(key);
    await carryOut(plan.actions, o);
    if (plan.events.length > 0) events.add(key, model, plan.events);
    return plan.againMs;
  };
  const lead = async (lost: AbortSignal): Promise<void> => {
    await view.listed;
    if (lost.aborted) return;
    log("info", `${identity} leads`);
    const guard = () => {
      lost.throwIfAborted();
      lease.check();
    };
    const o: CarryOut = { client, view, signal: lost, guard, settled: new Map() };
    const events = openEventQueue({ client, identity, clock, signal: lost, guard, isBusy, failed });
    const leading: Leading = { o, events, heldBack: new Map() };
    queue = openWorkQueue({
      workers,
      signal: lost,
      work: key => reconcile(key, leading),
      failed: (key, error, delayMs) => {
        if (!(isKubernetesError(error, "conflict") && delayMs < 1000))
          log("warn", `${key}: ${isLoamError(error) ? error.message : String(error)}; again in ${Math.round(delayMs)} ms`);
      },
    });
    for (const key of view.models()) queue.add(key);
    await new Promise<void>(done => lost.addEventListener("abort", () => done(), { once: true }));
    queue = undefined;
    log("info", `${identity} does not lead any more`);
  };
  return {
    view,
    get isLeader() {
      return lease.isHeld;
    },
    get pending() {
      return queue?.size ?? 0;
    },
    done: lease.run(signal, lead),
  };
}
