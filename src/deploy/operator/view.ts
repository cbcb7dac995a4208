/** What the cluster holds, as mirrors of the resources that concern the operator; an object that was written just now counts before its change is heard of. */
import {
  type KubernetesClient,
  type KubernetesObject,
  type KubernetesResource,
  kubernetesResources,
  mirrorResource,
  objectKey,
  type ResourceMirror,
} from "../../kubernetes/index.ts";
import { deploymentName, labelNames, managedBy, type Track, tracks } from "./children.ts";
import type { ObservedModel } from "./decide.ts";
import type { DeploymentObject, Pod } from "./objects.ts";
import { type LoamModel, loamModels } from "./spec.ts";

export interface ClusterView {
  /** After the first list of each resource. */
  readonly listed: Promise<unknown>;
  readonly isListed: boolean;
  models(): Iterable<string>;
  model(key: string): LoamModel | undefined;
  children(model: LoamModel): Pick<ObservedModel, "deployments" | "services" | "autoscaler">;
  pods(namespace: string, name: string): readonly Pod[];
  /** An answer to a write. */
  wrote(resource: KubernetesResource, object: KubernetesObject): void;
}

interface ViewOptions {
  readonly client: KubernetesClient;
  /** Null: all. */
  readonly namespace: string | null;
  readonly signal: AbortSignal;
  /** A LoamModel, or something of it, changed. */
  changed(key: string): void;
  failed(error: Error): void;
}

/** Versions of one resource are numbers that grow, as etcd's are. */
const isNewer = (a: KubernetesObject, b: KubernetesObject): boolean => {
  const [x, y] = [a.metadata.resourceVersion ?? "", b.metadata.resourceVersion ?? ""];
  return x.length === y.length ? x > y : x.length > y.length;
};

interface Kept<T> {
  readonly mirror: ResourceMirror<T>;
  get(key: string): T | undefined;
  readonly written: Map<string, T>;
}

export function openView({ client, namespace, signal, changed, failed }: ViewOptions): ClusterView {
  const keep = <T extends KubernetesObject>(
    resource: KubernetesResource,
    labels: string | undefined,
    keyOf: (object: T) => string | undefined,
  ): Kept<T> => {
    const written = new Map<string, T>();
    const options = { namespace, labels, signal, failed };
    const mirror = mirrorResource<T>(client, resource, options, (key, now, before) => {
      const own = written.get(key);
      if (own && (now === undefined || !isNewer(own, now))) written.delete(key);
      const of = keyOf((now ?? before)!);
      if (of !== undefined) changed(of);
    });
    mirror.done.catch(error => failed(error as Error));
    const get = (key: string): T | undefined => {
      const [heard, own] = [mirror.objects.get(key), written.get(key)];
      return own && (!heard || isNewer(own, heard)) ? own : heard;
    };
    return { mirror, get, written };
  };
  const owner = (object: KubernetesObject): string | undefined => {
    const name = object.metadata.labels?.[labelNames.model];
    return name === undefined ? undefined : `${object.metadata.namespace}/${name}`;
  };
  const managed = Object.entries(managedBy)
    .map(([k, v]) => `${k}=${v}`)
    .join(",");
  const models = keep<LoamModel>(loamModels, undefined, objectKey);
  const deployments = keep<DeploymentObject>(kubernetesResources.deployments, managed, owner);
  const services = keep<KubernetesObject>(kubernetesResources.services, managed, owner);
  const autoscalers = keep<KubernetesObject>(kubernetesResources.horizontalPodAutoscalers, managed, owner);
  // of a model's pods one reads when it is time
  const pods = keep<Pod>(kubernetesResources.pods, labelNames.model, () => undefined);
  const all = [models, deployments, services, autoscalers, pods];
  let isListed = false;
  const listed = Promise.all(all.map(k => k.mirror.listed)).then(() => {
    isListed = true;
  });
  listed.catch(() => {});
  return {
    listed,
    get isListed() {
      return isListed;
    },
    models: () => models.mirror.objects.keys(),
    model: key => models.get(key),
    children(model) {
      const { name = "", namespace: at } = model.metadata;
      const found = tracks.flatMap((t): [Track, DeploymentObject][] => {
        const d = deployments.get(`${at}/${deploymentName(name, t)}`);
        return d ? [[t, d]] : [];
      });
      const names = [name, deploymentName(name, "shadow")];
      return {
        deployments: Object.fromEntries(found),
        services: Object.fromEntries(names.flatMap(n => (services.get(`${at}/${n}`) ? [[n, services.get(`${at}/${n}`)!]] : []))),
        autoscaler: autoscalers.get(`${at}/${name}`),
      };
    },
    pods: (at, name) =>
      [...pods.mirror.objects.values()].filter(p => p.metadata.namespace === at && p.metadata.labels?.[labelNames.model] === name),
    wrote(resource, object) {
      const kept = all.find(
        (_, i) =>
          [loamModels, kubernetesResources.deployments, kubernetesResources.services, kubernetesResources.horizontalPodAutoscalers][i] ===
          resource,
      );
      // of the resource that it was read from
      (kept as Kept<KubernetesObject> | undefined)?.written.set(objectKey(object), object);
    },
  };
}
