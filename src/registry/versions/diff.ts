/** What differs between two versions: files, recipe, data, figures with the paired interval of what both were asked. */
import { canonicalJson, type Json } from "../../base/index.ts";
import { type Difference, groupDifferences, pairItems } from "../../evaluate/index.ts";
import type { ModelVersion, Store } from "../../store/index.ts";
import { itemsOfGroup, measuredOf } from "../gates/measured.ts";
import { type ModelCard, modelCard } from "./card.ts";
import { taskDifferences } from "./told.ts";

export interface VersionChange {
  readonly path: string;
  /** Absent where a side lacks it. */
  readonly before?: Json;
  readonly after?: Json;
}

export interface VersionDiff {
  readonly before: string;
  readonly after: string;
  readonly sameContent: boolean;
  readonly files: readonly VersionChange[];
  /** Of the stage that made it: name, version, options. */
  readonly recipe: readonly VersionChange[];
  /** Artifacts that only one of them was made from, by their kind. */
  readonly lineage: readonly VersionChange[];
  readonly facts: readonly VersionChange[];
  /** After minus before, on the items that both were asked. */
  readonly evaluations: readonly { readonly task: string; readonly differences: readonly Difference[] }[];
}

/** Leaves of plain data by their paths. */
function leaves(value: Json | undefined, path = ""): Map<string, Json> {
  if (value === undefined) return new Map();
  if (typeof value !== "object" || value === null || Object.keys(value).length === 0) return new Map([[path, value]]);
  return new Map(Object.entries(value).flatMap(([key, v]) => [...leaves(v as Json, path ? `${path}.${key}` : key)]));
}

/** What differs between two values of plain data, leaf by leaf in the order of their paths. */
export function versionChanges(before: Json | undefined, after: Json | undefined): VersionChange[] {
  const [a, b] = [leaves(before), leaves(after)];
  return [...new Set([...a.keys(), ...b.keys()])]
    .filter(path => canonicalJson(a.get(path) ?? null) !== canonicalJson(b.get(path) ?? null) || a.has(path) !== b.has(path))
    .sort()
    .map(path => ({ path, ...(a.has(path) ? { before: a.get(path)! } : {}), ...(b.has(path) ? { after: b.get(path)! } : {}) }));
}

const filesOf = (c: ModelCard): Json =>
  Object.fromEntries(c.files.map(f => [f.name.replaceAll(".", "\u2024"), `${f.sizeBytes} bytes, ${f.digest.slice(0, 12)}`]));
const lineageOf = (c: ModelCard): Json =>
  Object.fromEntries(c.lineage.map(l => [`${l.stage} ${l.artifact}`, l.documents === null ? l.kind : `${l.documents} documents`]));

/** Errors: those of `modelCard`. */
export async function versionDiff(store: Store, before: ModelVersion, after: ModelVersion): Promise<VersionDiff> {
  const [a, b] = [await modelCard(store, before), await modelCard(store, after)];
  const [old, own] = [await measuredOf(store, before), await measuredOf(store, after)];
  const evaluations = own.tasks.flatMap(t => {
    const other = old.tasks.find(o => o.head.task === t.head.task);
    const known = new Set(other?.items.map(i => i.id));
    if (!other || !t.items.some(i => known.has(i.id))) return [];
    const paired = pairItems(t.items, other.items, t.head.task);
    return [{ task: t.head.task, differences: taskDifferences(t, other, paired) }];
  });
  const groups = own.groups.flatMap(g => {
    const other = old.groups.find(o => o.head.task === g.head.task);
    const isAsked =
      other && g.results.every(r => evaluations.some(e => e.task === r.head.task) && other.results.some(o => o.head.task === r.head.task));
    if (!isAsked || g.head.measures.length === 0) return [];
    return [{ task: g.head.task, differences: groupDifferences(g.head, g.items, itemsOfGroup(g.head, other.results)).differences }];
  });
  return {
    before: `${a.model}@${a.version}`,
    after: `${b.model}@${b.version}`,
    sameContent: before.digest === after.digest,
    files: versionChanges(filesOf(a), filesOf(b)).map(c => ({ ...c, path: c.path.replaceAll("\u2024", ".") })),
    recipe: versionChanges({ stage: a.made.stage, options: a.made.options }, { stage: b.made.stage, options: b.made.options }),
    lineage: versionChanges(lineageOf(a), lineageOf(b)),
    facts: versionChanges(a.facts, b.facts),
    evaluations: [...groups, ...evaluations],
  };
}
