/**
 * A thin client of the Kubernetes API: get, list in chunks, create, server-side apply, patch, replace, delete, watch. It has no generated types and no cache;
 * `followResource` keeps a copy of a resource up to date. Requests that did no harm by being repeated are repeated with backoff; errors carry the API's reason.
 */
import { pause } from "../base/index.ts";
import type { KubernetesAccount } from "./account.ts";
import { type KubernetesConnection, openConnection, type Sent } from "./connection.ts";
import { kubernetesErrors } from "./errors.ts";
import { isKubernetesError, retryDelayMs } from "./failures.ts";
import { type KubernetesObject, type KubernetesResource, resourcePath } from "./objects.ts";

export interface ObjectPlace {
  readonly name: string;
  /** Default: the account's. */
  readonly namespace?: string | undefined;
}

export interface KubernetesCallOptions {
  readonly signal?: AbortSignal | undefined;
  /** Of one attempt; default 30,000. */
  readonly timeoutMs?: number | undefined;
  /** Attempts in all; default 6. */
  readonly attempts?: number | undefined;
  /** Called each time at the moment of writing to the socket; what it throws ends the request before the server has had it. */
  readonly guard?: (() => void) | undefined;
}

export interface Selection {
  /** Null: all namespaces. Default: the account's. */
  readonly namespace?: string | null | undefined;
  readonly labels?: string | undefined;
  readonly fields?: string | undefined;
}

export interface ListOptions extends Selection, KubernetesCallOptions {
  /** Objects a response; default 500. */
  readonly chunk?: number | undefined;
}

export interface ObjectList<T> {
  readonly items: readonly T[];
  /** To watch from. */
  readonly resourceVersion: string;
}

export interface KubernetesWriteOptions extends KubernetesCallOptions {
  /** `status`, `scale`. */
  readonly subresource?: string | undefined;
  readonly isDryRun?: boolean | undefined;
}

export interface ApplyOptions extends KubernetesWriteOptions {
  readonly fieldManager: string;
  /** Take fields over from other managers (default false: kubernetes/conflict). */
  readonly force?: boolean | undefined;
}

export interface PatchOptions extends KubernetesWriteOptions {
  readonly fieldManager?: string | undefined;
  /** Default: merge. */
  readonly type?: "merge" | "json" | "strategic" | undefined;
}

export interface DeleteOptions extends KubernetesCallOptions {
  /** Only this very object. */
  readonly uid?: string | undefined;
  /** Only as it was read. */
  readonly resourceVersion?: string | undefined;
  readonly propagation?: "Background" | "Foreground" | "Orphan" | undefined;
  readonly gracePeriodSeconds?: number | undefined;
}

export interface KubernetesTextOptions extends KubernetesCallOptions {
  /** Default: GET. A POST is not repeated once it was sent. */
  readonly method?: "GET" | "POST" | undefined;
  /** JSON. */
  readonly body?: string | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/** Errors of each: kubernetes/* by status; kubernetes/unreachable, unavailable, throttled after the last attempt; the signal's reason. */
export interface KubernetesClient {
  readonly account: KubernetesAccount;
  get<T extends KubernetesObject>(resource: KubernetesResource, at: ObjectPlace, options?: KubernetesWriteOptions): Promise<T>;
  /** Undefined where it does not exist. */
  find<T extends KubernetesObject>(resource: KubernetesResource, at: ObjectPlace, options?: KubernetesCallOptions): Promise<T | undefined>;
  list<T extends KubernetesObject>(resource: KubernetesResource, options?: ListOptions): Promise<ObjectList<T>>;
  create<T extends KubernetesObject>(
    resource: KubernetesResource,
    object: T,
    options?: KubernetesWriteOptions & { readonly fieldManager?: string },
  ): Promise<T>;
  /** Server-side apply: what `object` says becomes so, what this manager said before and does not say now is removed. */
  apply<T extends KubernetesObject>(resource: KubernetesResource, object: KubernetesObject, options: ApplyOptions): Promise<T>;
  patch<T extends KubernetesObject>(resource: KubernetesResource, at: ObjectPlace, patch: unknown, options?: PatchOptions): Promise<T>;
  /** PUT; with the resourceVersion in it only over the version that was read. */
  replace<T extends KubernetesObject>(
    resource: KubernetesResource,
    object: T,
    options?: KubernetesWriteOptions & { readonly fieldManager?: string },
  ): Promise<T>;
  delete(resource: KubernetesResource, at: ObjectPlace, options?: DeleteOptions): Promise<void>;
  /** A path that no resource stands for: `/version`, `/apis`, a pod's log, a pod's server behind the proxy, a subresource's own document. */
  text(path: string, options?: KubernetesTextOptions): Promise<string>;
  /** JSON documents of a watch, one a line. */
  watchLines(path: string, idleMs: number, signal: AbortSignal): AsyncGenerator<string>;
  close(): Promise<void>;
}

const defaultTimeoutMs = 30_000;
const defaultAttempts = 6;
const defaultChunk = 500;

const patchTypes = {
  merge: "application/merge-patch+json",
  json: "application/json-patch+json",
  strategic: "application/strategic-merge-patch+json",
} as const;

export const queryOf = (parameters: Readonly<Record<string, string | number | boolean | undefined>>): string => {
  const set = Object.entries(parameters).filter(([, v]) => v !== undefined && v !== "" && v !== false);
  return set.length === 0 ? "" : `?${set.map(([k, v]) => `${k}=${encodeURIComponent(String(v))}`).join("&")}`;
};

/** Sends until it succeeds, fails for good, or was tried often enough. */
async function sendRepeatedly(connection: KubernetesConnection, sent: Sent, isRepeatable: boolean, attempts: number): Promise<string> {
  let hasToken = true;
  for (let attempt = 0; ; attempt++) {
    try {
      return await connection.request(sent);
    } catch (error) {
      sent.signal?.throwIfAborted();
      // a token that was replaced just now
      if (hasToken && isKubernetesError(error, "unauthorized") && attempt === 0) {
        hasToken = false;
        continue;
      }
      const delay = attempt + 1 < attempts ? retryDelayMs(error, attempt, isRepeatable, Math.random()) : null;
      if (delay === null) throw error;
      await pause(delay, sent.signal);
    }
  }
}

function parsedObject<T>(text: string, place: string): T {
  try {
    const value: unknown = JSON.parse(text);
    // the API server's own schema: what a caller reads of it, it types
    if (typeof value === "object" && value !== null) return value as T;
  } catch {}
  throw kubernetesErrors.fail("response", { place, expected: "a JSON object", received: JSON.stringify(text.slice(0, 80)) });
}

interface ListDocument<T> {
  readonly items?: readonly T[] | null;
  readonly metadata?: { readonly resourceVersion?: string; readonly continue?: string };
  readonly apiVersion?: string;
  readonly kind?: string;
}

type Send = (sent: Omit<Sent, "timeoutMs">, isRepeatable: boolean, options: KubernetesCallOptions) => Promise<string>;

/** All chunks. One that is too old is followed by all objects in one response, which cannot become too old. */
async function listAll<T extends KubernetesObject>(
  send: Send,
  resource: KubernetesResource,
  path: string,
  options: ListOptions,
): Promise<ObjectList<T>> {
  const items: T[] = [];
  const query = { labelSelector: options.labels, fieldSelector: options.fields };
  let limit: number | undefined = options.chunk ?? defaultChunk;
  let token: string | undefined;
  for (;;) {
    let text: string;
    try {
      text = await send({ method: "GET", path: `${path}${queryOf({ ...query, limit, continue: token })}` }, true, options);
    } catch (error) {
      if (!(token !== undefined && isKubernetesError(error, "gone"))) throw error;
      items.length = 0;
      limit = token = undefined;
      continue;
    }
    const page: ListDocument<T> = parsedObject(text, path);
    // items of a list carry neither
    for (const item of page.items ?? []) items.push({ ...item, apiVersion: resource.apiVersion, kind: resource.kind });
    token = page.metadata?.continue || undefined;
    if (token === undefined) return { items, resourceVersion: page.metadata?.resourceVersion ?? "" };
  }
}

export function openKubernetesClient(account: KubernetesAccount): KubernetesClient {
  const connection = openConnection(account);
  const send: Send = (sent, isRepeatable, { signal, timeoutMs = defaultTimeoutMs, attempts = defaultAttempts, guard }) =>
    sendRepeatedly(connection, { ...sent, signal, timeoutMs, guard }, isRepeatable, attempts);
  const pathOf = (resource: KubernetesResource, at: Partial<ObjectPlace>, subresource?: string) =>
    resourcePath(resource, { namespace: at.namespace ?? account.namespace, name: at.name, subresource });
  const nameOf = (object: KubernetesObject): ObjectPlace => {
    if (object.metadata.name === undefined)
      throw kubernetesErrors.fail("invalid", { place: object.kind ?? "object", expected: "metadata.name", received: "none" });
    return { name: object.metadata.name, namespace: object.metadata.namespace };
  };
  const dryRun = (o: KubernetesWriteOptions) => (o.isDryRun === true ? "All" : undefined);
  const versionOf = (object: unknown) => (object as Partial<KubernetesObject> | null)?.metadata?.resourceVersion;
  const write = async <T>(sent: Omit<Sent, "timeoutMs">, isRepeatable: boolean, options: KubernetesCallOptions): Promise<T> =>
    parsedObject(await send(sent, isRepeatable, options), sent.path);
  const client: KubernetesClient = {
    account,
    get: (resource, at, options = {}) => write({ method: "GET", path: pathOf(resource, at, options.subresource) }, true, options),
    async find(resource, at, options = {}) {
      try {
        return await client.get(resource, at, options);
      } catch (error) {
        if (isKubernetesError(error, "notFound")) return undefined;
        throw error;
      }
    },
    list: (resource, options = {}) => {
      const namespace = options.namespace === null ? undefined : (options.namespace ?? account.namespace);
      return listAll(send, resource, resourcePath(resource, { namespace }), options);
    },
    // one that may have been carried out is not repeated: the answer would be AlreadyExists, as if another had created it
    create: (resource, object, options = {}) => {
      const at = pathOf(resource, { namespace: object.metadata.namespace });
      const path = `${at}${queryOf({ fieldManager: options.fieldManager, dryRun: dryRun(options) })}`;
      return write({ method: "POST", path, contentType: "application/json", body: JSON.stringify(object) }, false, options);
    },
    apply: (resource, object, options) => {
      const at = pathOf(resource, nameOf(object), options.subresource);
      const path = `${at}${queryOf({ fieldManager: options.fieldManager, force: options.force, dryRun: dryRun(options) })}`;
      const body = JSON.stringify({ ...object, apiVersion: resource.apiVersion, kind: resource.kind });
      return write({ method: "PATCH", path, contentType: "application/apply-patch+yaml", body }, true, options);
    },
    patch: (resource, at, patch, options = {}) => {
      const type = options.type ?? "merge";
      const path = `${pathOf(resource, at, options.subresource)}${queryOf({ fieldManager: options.fieldManager, dryRun: dryRun(options) })}`;
      const body = JSON.stringify(patch);
      // a merge says what shall be; operations of a JSON patch may be done twice
      return write(
        { method: "PATCH", path, contentType: patchTypes[type], body },
        type !== "json" || versionOf(patch) !== undefined,
        options,
      );
    },
    replace: (resource, object, options = {}) => {
      const at = pathOf(resource, nameOf(object), options.subresource);
      const path = `${at}${queryOf({ fieldManager: options.fieldManager, dryRun: dryRun(options) })}`;
      return write({ method: "PUT", path, contentType: "application/json", body: JSON.stringify(object) }, true, options);
    },
    async delete(resource, at, { uid, resourceVersion, propagation, gracePeriodSeconds, ...options } = {}) {
      const preconditions = uid === undefined && resourceVersion === undefined ? undefined : { uid, resourceVersion };
      const body = JSON.stringify({
        apiVersion: "v1",
        kind: "DeleteOptions",
        preconditions,
        propagationPolicy: propagation,
        gracePeriodSeconds,
      });
      await send({ method: "DELETE", path: pathOf(resource, at), contentType: "application/json", body }, true, options);
    },
    text: (path, { method = "GET", body, headers, ...options } = {}) =>
      send({ method, path, body, headers, contentType: body === undefined ? undefined : "application/json" }, method === "GET", options),
    watchLines: connection.lines,
    close: connection.close,
  };
  return client;
}
