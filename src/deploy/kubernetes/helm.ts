/**
 * The same objects as a Helm chart. A row of the table is a place of an object that a release may set; `values.yaml` holds what the plan computed, so the chart
 * with its own values is the plain form. What depends on other parts of the plan (slots, context, memory of both) is no value: plan again for it.
 */

import type { PlanFile } from "../targets.ts";
import { type DeployedVersion, lineageLabels } from "../version.ts";
import { type Manifest, yamlDocument } from "./document.ts";
import type { KubernetesWishes } from "./wishes.ts";

interface Setting {
  /** In `values.yaml`. */
  readonly value: readonly [string, string?];
  /** File of the object, and the place within. */
  readonly object: string;
  readonly at: readonly (string | number)[];
  readonly schema: Readonly<Record<string, unknown>>;
}

const container = ["spec", "template", "spec", "containers", 0] as const;
const quantity = { type: "string", pattern: "^[0-9]+(\\.[0-9]+)?(m|[KMGT]i?)?$" } as const;
const count = { type: "integer", minimum: 1 } as const;

const settings: readonly Setting[] = [
  { value: ["image"], object: "deployment", at: [...container, "image"], schema: { type: "string", minLength: 1 } },
  { value: ["resources", "cpu"], object: "deployment", at: [...container, "resources", "requests", "cpu"], schema: quantity },
  { value: ["resources", "memory"], object: "deployment", at: [...container, "resources", "requests", "memory"], schema: quantity },
  { value: ["resources", "memoryLimit"], object: "deployment", at: [...container, "resources", "limits", "memory"], schema: quantity },
  { value: ["replicas"], object: "deployment", at: ["spec", "replicas"], schema: count },
  { value: ["autoscaling", "minReplicas"], object: "horizontalpodautoscaler", at: ["spec", "minReplicas"], schema: count },
  { value: ["autoscaling", "maxReplicas"], object: "horizontalpodautoscaler", at: ["spec", "maxReplicas"], schema: count },
  { value: ["autoscaling", "minReplicas"], object: "scaledobject", at: ["spec", "minReplicaCount"], schema: count },
  { value: ["autoscaling", "maxReplicas"], object: "scaledobject", at: ["spec", "maxReplicaCount"], schema: count },
  {
    value: ["autoscaling", "prometheus"],
    object: "scaledobject",
    at: ["spec", "triggers", 0, "metadata", "serverAddress"],
    schema: { type: "string", minLength: 1 },
  },
];

type Branch = Record<string | number, unknown>;

const valueAt = (object: unknown, at: Setting["at"]): unknown =>
  at.reduce<unknown>((o, key) => (typeof o === "object" && o !== null ? (o as Branch)[key] : undefined), object);

/** The object with another value at a place that it has. */
function replaced(object: unknown, [key, ...rest]: Setting["at"], value: unknown): unknown {
  if (key === undefined) return value;
  const branch = object as Branch;
  if (Array.isArray(object)) return object.map((x, i) => (i === key ? replaced(x, rest, value) : x));
  return { ...branch, [key]: replaced(branch[key], rest, value) };
}

/** A tree with a leaf more, one or two levels deep. */
const withLeaf = (tree: Branch, [first, second]: Setting["value"], leaf: unknown): Branch => ({
  ...tree,
  [first]: second === undefined ? leaf : { ...(tree[first] as Branch | undefined), [second]: leaf },
});

/** Text that no object holds: a name is letters, digits, dashes and dots. */
const mark = (i: number): string => `@@${i}@@`;

/** An object as a template. Braces of its own are no actions of Helm's. */
function templateOf(object: Manifest, of: readonly Setting[], hasNamespace: boolean): string {
  const expressions: string[] = [];
  const marked = (value: unknown, at: Setting["at"], expression: string): unknown =>
    replaced(value, at, mark(expressions.push(expression) - 1));
  let whole: unknown = object;
  for (const { value, at, schema } of of)
    whole = marked(whole, at, `{{ .Values.${value.join(".")}${schema.type === "string" ? " | quote" : ""} }}`);
  if (hasNamespace) whole = marked(whole, ["metadata", "namespace"], "{{ .Release.Namespace | quote }}");
  const text = yamlDocument(whole as object).replaceAll("{{", '{{ "{{" }}');
  return expressions.reduce((t, expression, i) => t.replaceAll(`"${mark(i)}"`, expression).replaceAll(mark(i), expression), text);
}

const closed = (properties: Branch) => ({ type: "object", additionalProperties: false, properties });

/** The schema of `values.yaml`: `helm install` refuses an unknown or wrong value. `global` is what Helm itself adds to a chart within a chart. */
function schemaOf(used: readonly Setting[]): object {
  const tree = used.reduce<Branch>((t, { value, schema }) => withLeaf(t, value, schema), {});
  const isNested = new Set(used.filter(s => s.value.length > 1).map(s => s.value[0]));
  const properties = Object.fromEntries(Object.entries(tree).map(([key, v]) => [key, isNested.has(key) ? closed(v as Branch) : v]));
  return { $schema: "http://json-schema.org/draft-07/schema#", ...closed({ ...properties, global: { type: "object" } }) };
}

export function helmFiles(objects: Readonly<Record<string, Manifest>>, v: DeployedVersion, w: KubernetesWishes): readonly PlanFile[] {
  const used = settings.filter(s => valueAt(objects[s.object], s.at) !== undefined);
  const values = used.reduce<Branch>((tree, { value, object, at }) => withLeaf(tree, value, valueAt(objects[object], at)), {});
  const chart = {
    apiVersion: "v2",
    name: w.name,
    description: `Loam serves ${v.model}, version ${v.version}`,
    type: "application",
    // Helm wants a semantic version
    version: `${v.version}.0.0`,
    appVersion: String(v.version),
    annotations: lineageLabels(v),
  };
  return [
    { path: "Chart.yaml", text: yamlDocument(chart) },
    { path: "values.yaml", text: yamlDocument(values) },
    { path: "values.schema.json", text: `${JSON.stringify(schemaOf(used), null, 2)}\n` },
    ...Object.entries(objects).map(([name, object]) => ({
      path: `templates/${name}.yaml`,
      text: templateOf(
        object,
        used.filter(s => s.object === name),
        w.namespace !== undefined,
      ),
    })),
  ];
}
