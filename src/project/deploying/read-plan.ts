/** A plan of manifests as it lies in its folder: texts, and the same as objects. */
import { readFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { parse } from "yaml";
import {
  type ColorWishes,
  colorsOf,
  type Deployment,
  deployErrors,
  isOfColor,
  type PreviousColors,
  type ReadPlan,
} from "../../deploy/index.ts";
import { readDeployment } from "./plan-folder.ts";

type Manifest = ReadPlan["objects"][string];

const isManifest = (x: unknown): x is Manifest =>
  typeof x === "object" && x !== null && "kind" in x && "metadata" in x && "apiVersion" in x;

/** A kustomize base has the namespace in its kustomization alone: it is put back. */
const inNamespace = (object: Manifest, namespace: unknown): Manifest => {
  const { name, ...metadata } = object.metadata;
  return namespace === undefined || object.metadata.namespace !== undefined
    ? object
    : { ...object, metadata: { name, namespace, ...metadata } };
};

/** Files that are one object each. */
export function readPlan(folder: string, deployment: Deployment): ReadPlan {
  const files = deployment.files.map(({ path }) => ({ path, text: readFileSync(join(folder, path), "utf8") }));
  const objects = Object.fromEntries(
    files.flatMap(({ path, text }): [string, Manifest][] => {
      const object: unknown = path.endsWith(".yaml") ? parse(text) : undefined;
      return isManifest(object) && object.kind !== "Kustomization" ? [[basename(path, ".yaml"), object]] : [];
    }),
  );
  return { deployment, files, objects };
}

interface PreviousPlan {
  readonly deployment: Deployment;
  readonly colors: PreviousColors;
}

/**
 * The blue/green deployment that comes before. Errors: deploy/deployment for a folder that is none; deploy/wish for one that is not blue/green but has the same
 * name of objects: its Service would lose its pods.
 */
export function readPreviousColors(cwd: string, given: string, name: string): PreviousPlan | undefined {
  const folder = resolve(cwd, given);
  const deployment = readDeployment(folder, given);
  const colors = colorsOf(deployment);
  if (!colors) {
    if (deployment.target !== "kubernetes" || deployment.wishes.name !== name) return undefined;
    throw deployErrors.fail("wish", {
      place: "loam deploy kubernetes: --strategy blue-green",
      expected: "a blue/green deployment before, or another name of the objects",
      received: `a rolling one of the name ${name} (${given})`,
      hint: "Its Service would select no pod until the first color is ready. Rename the objects with --name, and delete the old ones afterwards.",
    });
  }
  const { objects } = readPlan(folder, deployment);
  return { deployment, colors: { colors, version: deployment.version, objects: ownObjects(objects, colors, deployment.wishes.namespace) } };
}

const ownObjects = (objects: ReadPlan["objects"], { color }: ColorWishes, namespace: unknown): ReadPlan["objects"] =>
  Object.fromEntries(
    Object.entries(objects)
      .filter(([name]) => isOfColor(name, color))
      .map(([name, object]) => [name, inNamespace(object, namespace)]),
  );
