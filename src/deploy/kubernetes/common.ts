/** What all objects of a deployment share: labels, annotations, the security of pods. */
import { podSecurityOf } from "../../kubernetes/index.ts";
import { imageUser } from "../image/plan.ts";
import { type DeployedVersion, lineageLabels } from "../version.ts";
import { colorLabel } from "./colors.ts";
import type { KubernetesWishes } from "./wishes.ts";

type Component = "server" | "data" | "loop";

/** What selectors select by: never the version, as selectors cannot change. */
export const selectorOf = (name: string, component: Component = "server"): Readonly<Record<string, string>> => ({
  "app.kubernetes.io/name": "loam",
  "app.kubernetes.io/instance": name,
  "app.kubernetes.io/component": component,
});

/** What a Deployment is called: blue/green has one for each color. */
export const workloadName = ({ name, colors }: KubernetesWishes): string => (colors ? `${name}-${colors.color}` : name);

/** The label of this version's pods where there are two colors. */
const colorOf = ({ colors }: KubernetesWishes): Readonly<Record<string, string>> => (colors ? { [colorLabel]: colors.color } : {});

/** This version's pods. */
export const podSelector = (w: KubernetesWishes): Readonly<Record<string, string>> => ({ ...selectorOf(w.name), ...colorOf(w) });

/** The pods that requests go to. */
export const trafficSelector = (w: KubernetesWishes): Readonly<Record<string, string>> => ({
  ...selectorOf(w.name),
  ...(w.colors ? { [colorLabel]: w.colors.live } : {}),
});

/** Labels of what each color has one of: Deployment, autoscaler, PodDisruptionBudget. */
export const workloadLabels = (v: DeployedVersion, w: KubernetesWishes): Readonly<Record<string, string>> => ({
  ...objectLabels(v, w),
  ...colorOf(w),
});

export const workloadMetadata = (v: DeployedVersion, w: KubernetesWishes) => ({
  ...metadataOf(v, w, "server", workloadName(w)),
  labels: workloadLabels(v, w),
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
