/**
 * What a cluster has of a deployment's manifests: objects that are missing or were edited, and how far rollouts are. Drift is what a server-side apply
 * would change, asked as a dry run, so defaults that the API server fills in are no drift.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseAllDocuments } from "yaml";
import { canonicalJson, environment, isLoamError } from "../../../base/index.ts";
import type { Deployment } from "../../../deploy/index.ts";
import {
  type KubernetesClient,
  type KubernetesObject,
  type KubernetesResource,
  kubernetesResources,
  openKubernetesAccount,
  openKubernetesClient,
} from "../../../kubernetes/index.ts";

export interface ObjectDrift {
  /** `Deployment default/mail`. */
  readonly object: string;
  readonly drift: "missing" | "changed";
  /** Fields that an apply would change, with the value there and the manifest's. */
  readonly fields: readonly { readonly path: string; readonly there: string | null; readonly manifest: string | null }[];
}

export interface ClusterRollout {
  readonly object: string;
  readonly ready: number;
  readonly wanted: number;
  /** Pods of the new template. */
  readonly updated: number;
  readonly isComplete: boolean;
}

export interface ClusterComparison {
  readonly server: string;
  readonly drift: readonly ObjectDrift[];
  readonly rollouts: readonly ClusterRollout[];
}

const rows = new Map<string, KubernetesResource>(Object.values(kubernetesResources).map(r => [`${r.apiVersion} ${r.kind}`, r]));
export const fieldManager = "loam";

export interface ClusterManifest {
  readonly resource: KubernetesResource;
  readonly object: KubernetesObject & { readonly metadata: { readonly name: string } };
}

const isManifest = (x: unknown): x is KubernetesObject & { readonly metadata: { readonly name: string } } =>
  typeof x === "object" && x !== null && typeof (x as KubernetesObject).metadata?.name === "string";

/** Objects of the plain manifests: charts' templates are no objects, and an object counts once. */
export function manifestsOf(folder: string, { files }: Pick<Deployment, "files">): ClusterManifest[] {
  const found = new Map<string, ClusterManifest>();
  for (const { path } of files) {
    if (!/\.ya?ml$/.test(path) || /(^|\/)(templates|crds|charts?|helm)\//.test(path)) continue;
    for (const document of parseAllDocuments(readFileSync(join(folder, path), "utf8"))) {
      const object: unknown = document.errors.length > 0 ? undefined : document.toJS();
      if (!isManifest(object)) continue;
      const resource = rows.get(`${object.apiVersion} ${object.kind}`);
      if (resource) found.set(`${object.kind} ${object.metadata.namespace ?? ""} ${object.metadata.name}`, { resource, object });
    }
  }
  return [...found.values()];
}

const ignored = new Set(["managedFields", "resourceVersion", "uid", "generation", "creationTimestamp"]);

/** Leaves that differ, by path. */
function differing(there: unknown, wanted: unknown, path = ""): ObjectDrift["fields"] {
  if (canonicalJson(there ?? null) === canonicalJson(wanted ?? null)) return [];
  const isTree = (x: unknown): x is Readonly<Record<string, unknown>> => typeof x === "object" && x !== null;
  if (isTree(there) && isTree(wanted) && Array.isArray(there) === Array.isArray(wanted))
    return [...new Set([...Object.keys(there), ...Object.keys(wanted)])]
      .filter(k => !ignored.has(k))
      .flatMap(k => differing(there[k], wanted[k], path === "" ? k : `${path}.${k}`));
  const text = (x: unknown) => (x === undefined ? null : typeof x === "string" ? x : canonicalJson(x));
  return [{ path, there: text(there), manifest: text(wanted) }];
}

const withoutStatus = (object: KubernetesObject): unknown => ({ ...object, status: undefined, apiVersion: undefined, kind: undefined });

interface Workload extends KubernetesObject {
  readonly spec?: { readonly replicas?: number };
  readonly status?: {
    readonly observedGeneration?: number;
    readonly readyReplicas?: number;
    readonly updatedReplicas?: number;
    readonly replicas?: number;
  };
}

const isWorkload = ({ kind }: KubernetesResource): boolean => kind === "Deployment" || kind === "StatefulSet";

function rolloutOf(name: string, { spec, status = {}, metadata }: Workload): ClusterRollout {
  const wanted = spec?.replicas ?? 1;
  const { readyReplicas: ready = 0, updatedReplicas: updated = 0, replicas = 0, observedGeneration = 0 } = status;
  const isComplete = observedGeneration >= (metadata.generation ?? 0) && ready >= wanted && updated >= wanted && replicas === updated;
  return { object: name, ready, wanted, updated, isComplete };
}

/** Errors: kubernetes/*. */
export async function clusterView(
  client: KubernetesClient,
  manifests: readonly ClusterManifest[],
  signal: AbortSignal,
): Promise<ClusterComparison> {
  const drift: ObjectDrift[] = [];
  const rollouts: ClusterRollout[] = [];
  for (const { resource, object } of manifests) {
    const { name, namespace } = object.metadata;
    const label = `${resource.kind} ${resource.isNamespaced ? `${namespace ?? client.account.namespace}/` : ""}${name}`;
    const there = await client.find<Workload>(resource, { name, namespace }, { signal });
    if (!there) {
      drift.push({ object: label, drift: "missing", fields: [] });
      continue;
    }
    const applied = await client.apply<KubernetesObject>(resource, object, { fieldManager, force: true, isDryRun: true, signal });
    const fields = differing(withoutStatus(there), withoutStatus(applied));
    if (fields.length > 0) drift.push({ object: label, drift: "changed", fields });
    if (isWorkload(resource)) rollouts.push(rolloutOf(label, there));
  }
  return { server: client.account.server, drift, rollouts };
}

/** The same of the cluster of `KUBECONFIG`; null without one, or for a deployment without manifests; a reason where it cannot be asked. */
export async function clusterOf(
  folder: string,
  deployment: Deployment,
  signal: AbortSignal,
): Promise<ClusterComparison | { readonly unreachable: string } | null> {
  const variables = environment();
  const manifests = manifestsOf(folder, deployment);
  if (manifests.length === 0 || !variables.KUBECONFIG) return null;
  try {
    const client = openKubernetesClient(openKubernetesAccount(variables, {}));
    try {
      return await clusterView(client, manifests, signal);
    } finally {
      await client.close();
    }
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    if (isLoamError(error) && error.code.startsWith("kubernetes/")) return { unreachable: error.message };
    throw error;
  }
}
