/**
 * Blue/green: two Deployments of one name, told apart by a label, and a Service that selects one color. A new version comes as the color that has no
 * requests; the switch is a change of selectors alone, so the pods of neither color are touched, and going back is the same step. The other color's objects
 * are kept as they were written, in the wishes: a plan stays a function of the version and the wishes.
 */
import { parse } from "yaml";
import { z } from "zod";
import { canonicalJson, sha256 } from "../../base/index.ts";
import type { Deployment, PlanFile } from "../targets.ts";
import { type Manifest, yamlDocument } from "./document.ts";

const podColors = ["blue", "green"] as const;
export type PodColor = (typeof podColors)[number];

/** Label of pods, and key of the selectors that the switch changes. */
export const colorLabel = "loam.dev/color";

export const otherColor = (color: PodColor): PodColor => (color === "blue" ? "green" : "blue");

const manifest = z.looseObject({ apiVersion: z.string(), kind: z.string(), metadata: z.looseObject({ name: z.string() }) });
const manifestOf = (text: string): Manifest => manifest.parse(parse(text));
const colorsSchema = z.strictObject({
  color: z.enum(podColors),
  live: z.enum(podColors),
  other: z.strictObject({ version: z.int().positive(), manifests: z.record(z.string(), z.string()) }).optional(),
});

export interface ColorWishes {
  /** Of this version's pods. */
  readonly color: PodColor;
  /** The color that the Service selects. */
  readonly live: PodColor;
  /** The other color, as YAML by the names of its files: unchanged until it is retired, the order of keys included. */
  readonly other?: { readonly version: number; readonly manifests: Readonly<Record<string, string>> } | undefined;
}

/** The colors of a deployment; undefined where it is not blue/green. */
export function colorsOf({ target, wishes }: Pick<Deployment, "target" | "wishes">): ColorWishes | undefined {
  return target === "kubernetes" ? colorsSchema.safeParse(wishes.colors).data : undefined;
}

/** Objects that each color has one of, by the names of their files. */
const coloredNames = ["deployment", "horizontalpodautoscaler", "scaledobject", "poddisruptionbudget"];
/** Objects whose selector names a color: what a switch changes. */
const selectingNames = ["service", "service-preview"];

/** Names of files with the color where both have one, and the other color's objects beside them. */
export const coloredManifests = (objects: Readonly<Record<string, Manifest>>, { color, other }: ColorWishes) => ({
  ...Object.fromEntries(Object.entries(objects).map(([name, o]) => [coloredNames.includes(name) ? `${name}-${color}` : name, o])),
  ...Object.fromEntries(Object.entries(other?.manifests ?? {}).map(([name, text]) => [name, manifestOf(text)])),
});

export const isOfColor = (fileName: string, color: PodColor): boolean => coloredNames.some(name => fileName === `${name}-${color}`);

/** What is deployed before: its colors, its version, and its own color's objects as they were written. */
export interface PreviousColors {
  readonly colors: ColorWishes;
  readonly version: number;
  readonly objects: Readonly<Record<string, Manifest>>;
}

/** Colors of the next version: the color without requests. What is live stays as it is; what was never switched to is replaced. */
export function nextColors(previous: PreviousColors | undefined): ColorWishes {
  if (!previous) return { color: "blue", live: "blue" };
  const { colors, version, objects } = previous;
  const manifests = Object.fromEntries(Object.entries(objects).map(([name, o]) => [name, yamlDocument(o)]));
  const other = colors.color === colors.live ? { version, manifests } : colors.other;
  return { color: otherColor(colors.live), live: colors.live, ...(other ? { other } : {}) };
}

const nameOf = (path: string): string => path.replace(/^.*\//, "").replace(/\.yaml$/, "");

/** The same files with other selectors; everything else stays byte for byte. */
const selecting = (files: readonly PlanFile[], objects: Readonly<Record<string, Manifest>>, live: PodColor): PlanFile[] =>
  files.map(file => {
    const name = nameOf(file.path);
    const object = selectingNames.includes(name) ? objects[name] : undefined;
    if (!object) return file;
    return { ...file, text: yamlDocument(withColor(object, name === "service-preview" ? otherColor(live) : live)) };
  });

const serviceSpec = z.looseObject({ selector: z.record(z.string(), z.string()) });

function withColor(object: Manifest, color: PodColor): Manifest {
  const { selector } = serviceSpec.parse(object.spec);
  // keys stay where they are, which those of a parsed object do not
  return { ...object, spec: Object.assign({}, object.spec, { selector: { ...selector, [colorLabel]: color } }) };
}

interface ColoredPlan {
  readonly deployment: Deployment;
  readonly files: readonly PlanFile[];
}

/** Files of a plan by their paths, and the same as objects by the names of their files. */
export interface ReadPlan extends ColoredPlan {
  readonly objects: Readonly<Record<string, Manifest>>;
}

const plain = (colors: ColorWishes): Deployment["wishes"][string] => JSON.parse(canonicalJson(colors));

function withFiles({ deployment }: ColoredPlan, files: readonly PlanFile[], colors: ColorWishes): ColoredPlan {
  return {
    files,
    deployment: {
      ...deployment,
      wishes: { ...deployment.wishes, colors: plain(colors) },
      facts: {
        ...deployment.facts,
        colors: { color: colors.color, live: colors.live, otherVersion: colors.other?.version ?? null },
      },
      files: files.map(({ path, text }) => {
        const bytes = typeof text === "string" ? Buffer.from(text) : text;
        return { path, digest: sha256(bytes), sizeBytes: bytes.length };
      }),
    },
  };
}

/** The plan with the requests at this version's color. */
export const switchedPlan = (plan: ReadPlan, colors: ColorWishes): ColoredPlan =>
  withFiles(plan, selecting(plan.files, plan.objects, colors.color), { ...colors, live: colors.color });

/** The plan without the other color. */
export function retiredPlan(plan: ReadPlan, { color, live }: ColorWishes): ColoredPlan {
  const isGone = (name: string) => name === "service-preview" || isOfColor(name, otherColor(color));
  const files = plan.files.flatMap(file => {
    if (isGone(nameOf(file.path))) return [];
    if (!file.path.endsWith("kustomization.yaml")) return [file];
    // the list of its files
    const lines = String(file.text)
      .split("\n")
      .filter(line => !/^ *- \S+\.yaml$/.test(line) || !isGone(nameOf(line.replace(/^ *- /, ""))));
    return [{ ...file, text: lines.join("\n") }];
  });
  const gone = new Set(Object.entries(plan.objects).flatMap(([name, o]) => (isGone(name) ? [`${o.kind} ${o.metadata.name}`] : [])));
  const { facts } = plan.deployment;
  const objects = Array.isArray(facts.objects) ? facts.objects.filter(o => !gone.has(String(o))) : [];
  return withFiles({ ...plan, deployment: { ...plan.deployment, facts: { ...facts, objects } } }, files, { color, live });
}
