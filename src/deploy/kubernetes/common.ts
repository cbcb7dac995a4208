/** What all objects of a deployment share: labels, annotations, the security of pods. */
import { podSecurityOf } from "../../kubernetes/index.ts";
import { imageUser } from "../image/plan.ts";
import { type DeployedVersion, lineageLabels } from "../version.ts";
import type { KubernetesWishes } from "./wishes.ts";

/** An object of Kubernetes as it is written. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly [key: string]: unknown };
  readonly [key: string]: unknown;
}

type Component = "server" | "data" | "loop";

/** What selectors select by: never the version, as selectors cannot change. */
export const selectorOf = (name: string, component: Component = "server"): Readonly<Record<string, string>> => ({
  "app.kubernetes.io/name": "loam",
  "app.kubernetes.io/instance": name,
  "app.kubernetes.io/component": component,
});

export const objectLabels = (
  v: DeployedVersion,
  w: KubernetesWishes,
  component: Component = "server",
): Readonly<Record<string, string>> => ({
  ...selectorOf(w.name, component),
  "app.kubernetes.io/version": String(v.version),
  "app.kubernetes.io/managed-by": "loam",
});

export const metadataOf = (v: DeployedVersion, w: KubernetesWishes, component: Component = "server", name = w.name) => ({
  name,
  ...(w.namespace === undefined ? {} : { namespace: w.namespace }),
  labels: objectLabels(v, w, component),
  annotations: lineageLabels(v),
});

export const podSecurity = podSecurityOf(imageUser.id);
