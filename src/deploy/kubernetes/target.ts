/** A version as objects of Kubernetes, in one of three forms. Nothing is read or applied here; probes, grace period and memory are computed. */
import type { DeployPlan, DeployTarget, PlanFile } from "../targets.ts";
import type { DeployedVersion } from "../version.ts";
import { coloredManifests } from "./colors.ts";
import { type Manifest, yamlDocument } from "./document.ts";
import { helmFiles } from "./helm.ts";
import { memoryPlan } from "./memory.ts";
import { projectObjects } from "./project-jobs.ts";
import { routingObjects } from "./routing.ts";
import { scalingObjects } from "./scaling.ts";
import { graceSecondsOf, serverObjects, startupSecondsOf } from "./server.ts";
import type { KubernetesFormat, KubernetesWishes } from "./wishes.ts";

type Manifests = Readonly<Record<string, Manifest>>;

/** By the names of their files, without an ending. */
function kubernetesObjects(v: DeployedVersion, w: KubernetesWishes): Manifests {
  const objects = {
    ...serverObjects(v, w, memoryPlan(w)),
    ...scalingObjects(v, w),
    ...routingObjects(v, w),
    ...projectObjects(v, w),
  };
  return w.colors ? coloredManifests(objects, w.colors) : objects;
}

/** Not beside `loam-deployment.json`: `kubectl apply -f` reads every file of a folder that ends in .json or .yaml. */
const plainFiles = (objects: Manifests): readonly PlanFile[] =>
  Object.entries(objects).map(([name, object]) => ({ path: `manifests/${name}.yaml`, text: yamlDocument(object) }));

/** The kustomization has it. */
const withoutNamespace = (object: Manifest): Manifest => {
  const { namespace: _, ...metadata } = object.metadata;
  // the key stays where it was
  return { ...object, metadata };
};

const kustomizeFiles = (objects: Manifests, w: KubernetesWishes): readonly PlanFile[] => [
  {
    path: "kustomization.yaml",
    text: yamlDocument({
      apiVersion: "kustomize.config.k8s.io/v1beta1",
      kind: "Kustomization",
      ...(w.namespace === undefined ? {} : { namespace: w.namespace }),
      resources: Object.keys(objects).map(name => `${name}.yaml`),
    }),
  },
  ...Object.entries(objects).map(([name, object]) => ({ path: `${name}.yaml`, text: yamlDocument(withoutNamespace(object)) })),
];

const formats: Readonly<Record<KubernetesFormat, (objects: Manifests, v: DeployedVersion, w: KubernetesWishes) => readonly PlanFile[]>> = {
  plain: plainFiles,
  kustomize: (objects, _, w) => kustomizeFiles(objects, w),
  helm: helmFiles,
};

export const kubernetesTarget: DeployTarget<KubernetesWishes> = {
  name: "kubernetes",
  plan(v, w): DeployPlan {
    const objects = kubernetesObjects(v, w);
    return {
      files: formats[w.format](objects, v, w),
      facts: {
        objects: Object.values(objects).map(o => `${o.kind} ${o.metadata.name}`),
        memory: { ...memoryPlan(w) },
        graceSeconds: graceSecondsOf(w),
        startupSeconds: startupSecondsOf(v),
        ...(w.colors ? { colors: { color: w.colors.color, live: w.colors.live, otherVersion: w.colors.other?.version ?? null } } : {}),
        replicas: { least: w.autoscaling.minReplicas, most: w.autoscaling.maxReplicas },
      },
    };
  },
};
