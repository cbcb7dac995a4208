/** Carries a plan out: one write after the other, each only while the lease is held, each over the version that was read. */
import { isKubernetesError, type KubernetesClient, type KubernetesObject } from "../../kubernetes/index.ts";
import { appliedAnnotation, managerName } from "./children.ts";
import type { OperatorAction } from "./decide.ts";
import { type LoamModel, loamModels } from "./spec.ts";
import type { ClusterView } from "./view.ts";

export interface CarryOut {
  readonly client: KubernetesClient;
  readonly view: ClusterView;
  readonly signal: AbortSignal;
  /** Throws unless this process leads now; called at the moment of each write. */
  readonly guard: () => void;
  /** Of applies that changed nothing, by object: what the API server writes otherwise than it was applied is not applied for ever. */
  readonly settled: Map<string, string>;
}

/** A write that hangs is over before another may lead. */
export const writeMs = 4_000;

const place = ({ metadata }: KubernetesObject) => ({ name: metadata.name!, namespace: metadata.namespace });
const settledAs = (over: KubernetesObject, object: KubernetesObject) =>
  `${over.metadata.resourceVersion} ${object.metadata.annotations?.[appliedAnnotation]}`;

async function act(action: OperatorAction, { client, view, signal, guard, settled }: CarryOut): Promise<void> {
  const call = { signal, guard, timeoutMs: writeMs };
  if (action.type === "apply") {
    const { resource, object, over } = action;
    const key = `${resource.plural}/${object.metadata.namespace}/${object.metadata.name}`;
    if (over && settled.get(key) === settledAs(over, object)) return;
    const { resourceVersion, uid } = over?.metadata ?? {};
    const metadata = { ...object.metadata, ...(over ? { resourceVersion, uid } : {}) };
    // an object that is there unexpectedly is another's: without force its fields are not taken
    const done = await client.apply(resource, { ...object, metadata } as KubernetesObject, {
      ...call,
      fieldManager: managerName,
      force: over !== undefined,
    });
    if (over && done.metadata.resourceVersion === over.metadata.resourceVersion) settled.set(key, settledAs(over, object));
    else settled.delete(key);
    view.wrote(resource, { ...done, apiVersion: resource.apiVersion, kind: resource.kind });
  } else if (action.type === "delete") {
    const { resource, object, foreground } = action;
    const { uid, resourceVersion } = object.metadata;
    try {
      await client.delete(resource, place(object), {
        ...call,
        uid,
        resourceVersion,
        propagation: foreground ? "Foreground" : "Background",
      });
    } catch (error) {
      if (!isKubernetesError(error, "notFound")) throw error;
    }
  } else if (action.type === "finalizers") {
    const { model, finalizers } = action;
    const metadata = { finalizers, resourceVersion: model.metadata.resourceVersion };
    await client.patch(loamModels, place(model), { metadata }, { ...call, fieldManager: managerName });
  } else {
    const { model, status } = action;
    const { apiVersion, kind, metadata, spec } = model;
    const { name, namespace, resourceVersion, uid } = metadata;
    const whole = { apiVersion, kind, metadata: { name, namespace, resourceVersion, uid }, spec, status } as LoamModel;
    const done = await client.replace(loamModels, whole, { ...call, subresource: "status", fieldManager: managerName });
    view.wrote(loamModels, { ...done, apiVersion: loamModels.apiVersion, kind: loamModels.kind });
  }
}

/** Errors: kubernetes/conflict where an object changed meanwhile; deploy/notLeader; others of `src/kubernetes`. */
export async function carryOut(actions: readonly OperatorAction[], o: CarryOut): Promise<void> {
  for (const action of actions) await act(action, o);
}
