/**
 * One resource followed for as long as the caller wants: all objects first, then each change. Broken connections, silence, and resource versions that are
 * too old (410) are this file's affair: it watches again from where it was, or lists again and says what all objects are then.
 * The protocol: "Efficient detection of changes" of the Kubernetes API concepts.
 */
import { isLoamError, pause } from "../base/index.ts";
import { type KubernetesClient, queryOf, type Selection } from "./client.ts";
import { kubernetesErrors } from "./errors.ts";
import { isKubernetesError, retryBackoffMs, statusFailure } from "./failures.ts";
import { type KubernetesObject, type KubernetesResource, resourcePath } from "./objects.ts";

export type FollowedChange<T> =
  /** All objects there are: after the first list, and after each list that had to be requested again. What is not among them was deleted. */
  | { readonly type: "listed"; readonly items: readonly T[] }
  | { readonly type: "changed"; readonly object: T }
  | { readonly type: "deleted"; readonly object: T };

export interface FollowOptions extends Selection {
  readonly signal: AbortSignal;
  /** Hears of each failure that is waited out; not of watches that ended in their time. */
  readonly failed?: ((error: Error, delayMs: number) => void) | undefined;
  /** Silence after which a watch counts as broken; default 150,000 (the API server sends a bookmark about each minute). */
  readonly idleMs?: number | undefined;
  /** Longest wait between attempts; default 10,000. */
  readonly longestDelayMs?: number | undefined;
}

interface WatchEvent<T> {
  readonly type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK" | "ERROR";
  readonly object: T;
}

const defaultIdleMs = 150_000;
/** The API server ends a watch by itself after this, as the client's libraries ask: 5 to 10 minutes. */
const watchSeconds = () => 300 + Math.floor(Math.random() * 300);

function eventOf<T extends KubernetesObject>(line: string, place: string): WatchEvent<T> {
  try {
    const event: Partial<WatchEvent<T>> = JSON.parse(line);
    if (typeof event.type === "string" && typeof event.object === "object" && event.object !== null) return event as WatchEvent<T>;
  } catch {}
  throw kubernetesErrors.fail("response", { place, expected: "an event of a watch", received: JSON.stringify(line.slice(0, 80)) });
}

/** What a wait does not mend: the account, the address, the resource. */
const isFinal = (error: unknown): boolean =>
  isKubernetesError(error, "invalid") || (isLoamError(error) && !error.code.startsWith("kubernetes/"));

/** Where a follower stands. */
interface Standing {
  /** Null: list first. */
  version: string | null;
  failures: number;
}

async function* watchFrom<T extends KubernetesObject>(
  client: KubernetesClient,
  resource: KubernetesResource,
  path: string,
  options: FollowOptions,
  standing: Standing,
): AsyncGenerator<FollowedChange<T>> {
  const query = queryOf({
    watch: true,
    allowWatchBookmarks: true,
    resourceVersion: standing.version!,
    labelSelector: options.labels,
    fieldSelector: options.fields,
    timeoutSeconds: watchSeconds(),
  });
  for await (const line of client.watchLines(`${path}${query}`, options.idleMs ?? defaultIdleMs, options.signal)) {
    const { type, object } = eventOf<T>(line, path);
    if (type === "ERROR") {
      const { code = 500 } = object as { readonly code?: number };
      throw statusFailure(`watch ${path}`, code, object);
    }
    standing.failures = 0;
    standing.version = object.metadata.resourceVersion ?? standing.version;
    if (type === "BOOKMARK") continue;
    const whole = { ...object, apiVersion: resource.apiVersion, kind: resource.kind };
    yield { type: type === "DELETED" ? "deleted" : "changed", object: whole };
  }
}

/** Ends with the signal (without an error), or with an error that no wait mends. Errors: kubernetes/invalid. */
export async function* followResource<T extends KubernetesObject>(
  client: KubernetesClient,
  resource: KubernetesResource,
  options: FollowOptions,
): AsyncGenerator<FollowedChange<T>> {
  const { signal, failed, longestDelayMs = 10_000, namespace } = options;
  const path = resourcePath(resource, { namespace: namespace === null ? undefined : (namespace ?? client.account.namespace) });
  const standing: Standing = { version: null, failures: 0 };
  while (!signal.aborted) {
    try {
      if (standing.version === null) {
        const { items, resourceVersion } = await client.list<T>(resource, { ...options, attempts: 1 });
        yield { type: "listed", items };
        standing.version = resourceVersion;
      }
      const before = performance.now();
      yield* watchFrom<T>(client, resource, path, options, standing);
      // one that the server ends at once is not asked for at once
      if (performance.now() - before < 1000) await pause(retryBackoffMs(standing.failures++, Math.random(), longestDelayMs), signal);
    } catch (error) {
      if (signal.aborted) return;
      if (isFinal(error) || !(error instanceof Error)) throw error;
      const isGone = isKubernetesError(error, "gone");
      if (isGone) standing.version = null;
      // the first 410 in a row is what a long pause brings, not a failure
      const delay = isGone && standing.failures === 0 ? 0 : retryBackoffMs(standing.failures, Math.random(), longestDelayMs);
      standing.failures++;
      if (!isGone) failed?.(error, delay);
      await pause(delay, signal).catch(() => {});
    }
  }
}

export interface ResourceMirror<T> {
  /** By `namespace/name` (`name` where the resource has no namespaces). */
  readonly objects: ReadonlyMap<string, T>;
  /** After the first list. */
  readonly listed: Promise<void>;
  /** Ends with the signal. */
  readonly done: Promise<void>;
}

export const objectKey = ({ metadata: { namespace, name = "" } }: KubernetesObject): string =>
  namespace === undefined ? name : `${namespace}/${name}`;

/** A copy of a resource's objects that follows it. `changed` hears of each object after it was taken over; `now` is undefined where it was deleted. */
export function mirrorResource<T extends KubernetesObject>(
  client: KubernetesClient,
  resource: KubernetesResource,
  options: FollowOptions,
  changed: (key: string, now: T | undefined, before: T | undefined) => void = () => {},
): ResourceMirror<T> {
  const objects = new Map<string, T>();
  const put = (key: string, now: T | undefined) => {
    const before = objects.get(key);
    if (now) objects.set(key, now);
    else objects.delete(key);
    // a list that is requested again repeats what did not change
    if (before === undefined || now === undefined || before.metadata.resourceVersion !== now.metadata.resourceVersion)
      changed(key, now, before);
  };
  let resolve = () => {};
  let reject = (_: unknown) => {};
  const listed = new Promise<void>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  // whoever does not wait for it gets the error by `done`
  listed.catch(() => {});
  const run = async () => {
    try {
      for await (const change of followResource<T>(client, resource, options)) {
        if (change.type === "listed") {
          const keys = new Set(change.items.map(objectKey));
          for (const key of [...objects.keys()]) if (!keys.has(key)) put(key, undefined);
          for (const item of change.items) put(objectKey(item), item);
          resolve();
        } else put(objectKey(change.object), change.type === "deleted" ? undefined : change.object);
      }
      reject(options.signal.reason);
    } catch (error) {
      reject(error);
      throw error;
    }
  };
  return { objects, listed, done: run() };
}
