/** Documents of a data set that a rule of `retention:` is about: due, held, or with a date that cannot be read. */
import { sha256 } from "../../base/index.ts";
import { type Document, idsWithin, readDocuments } from "../../data/index.ts";
import { changeStates, listArtifacts, openArtifact, readState, type Store } from "../../store/index.ts";
import { type DataSet, findDataSet } from "../data/data-set.ts";
import { projectErrors } from "../errors.ts";
import type { Workspace } from "../workspace.ts";
import { attributeAge, type DocumentAge } from "./document-age.ts";
import type { RetentionRule } from "./retention-part.ts";

export interface RetainedDocument {
  readonly id: string;
  readonly side: "train" | "held-out" | "dropped";
  readonly from: string;
}

export interface DocumentPlan {
  readonly due: readonly RetainedDocument[];
  /** Due, and named by `except`. */
  readonly onHold: readonly RetainedDocument[];
  /** Neither kept by the rule nor erased: someone has to look. */
  readonly unreadable: readonly { readonly id: string; readonly problem: string }[];
  /** Documents that the rule is about. */
  readonly documents: number;
}

const sides = ["train", "held-out", "dropped"] as const;
const dayMs = 86_400_000;
export const keepMs = ({ keep }: Pick<RetentionRule, "keep">): number => Number(keep.slice(0, -1)) * dayMs;

const scopeOf = (set: string): string => `retention/arrivals/${set}`;
const keyOf = (id: string): string => sha256(id).slice(0, 32);

/** When documents came into the record first: the oldest artifact that lists them, or an earlier time that was noted before gc removed that artifact. */
async function arrivals(store: Store, set: DataSet, ids: readonly string[]): Promise<ReadonlyMap<string, number>> {
  const first = new Map<string, number>();
  const infos = (await listArtifacts(store, { kind: "documents" })).filter(a => a.releasedMs === null);
  for (const info of infos.sort((a, b) => a.createdMs - b.createdMs)) {
    const left = ids.filter(id => !first.has(id));
    if (left.length === 0) break;
    for (const id of await idsWithin(await openArtifact(store, info.id), left)) first.set(id, info.createdMs);
  }
  const noted = new Map<string, number>();
  for (const id of ids) {
    const known = await readState(store.records.read, scopeOf(set.name), keyOf(id));
    if (typeof known === "number") noted.set(id, known);
  }
  const now = store.clock.now();
  const own = new Map(ids.map(id => [id, Math.min(noted.get(id) ?? Number.POSITIVE_INFINITY, first.get(id) ?? now)]));
  const changed = [...own].filter(([id, ms]) => noted.get(id) !== ms);
  if (changed.length > 0 && !store.isReadOnly)
    await changeStates(store, states => states.putAll(scopeOf(set.name), new Map(changed.map(([id, ms]) => [keyOf(id), ms]))));
  return own;
}

/** Forgets when erased documents came. */
export const forgetArrivals = (store: Store, set: string, ids: readonly string[]): Promise<void> =>
  changeStates(store, async states => {
    for (const id of ids) await states.remove(scopeOf(set), keyOf(id));
  });

async function documentsIn(set: DataSet): Promise<{ readonly document: Document; readonly side: (typeof sides)[number] }[]> {
  const found: { document: Document; side: (typeof sides)[number] }[] = [];
  for (const side of sides) {
    const file = `${side}.jsonl`;
    if (!set.artifact.files.some(f => f.name === file)) continue;
    const place = `${set.artifact.id}/${file}`;
    for await (const document of readDocuments(set.artifact.stream(file), { place, onBad: () => {} })) found.push({ document, side });
  }
  return found;
}

const isAbout = ({ attributes }: Document, { where }: RetentionRule): boolean =>
  Object.entries(where).every(([name, wanted]) => {
    const value = attributes[name];
    return value === wanted || (Array.isArray(value) && value.includes(String(wanted)));
  });

/** Errors: project/retention where no document has an attribute that the rule names. */
function checkAttributes(rule: RetentionRule, place: string, documents: readonly Document[]): void {
  const known = new Set(documents.flatMap(d => Object.keys(d.attributes)));
  for (const [key, name] of [
    ...(rule.from === undefined ? [] : [["from", rule.from] as const]),
    ...Object.keys(rule.where).map(name => ["where", name] as const),
  ])
    if (!known.has(name))
      throw projectErrors.fail("retention", {
        place: `${place}.${key}`,
        expected: `an attribute of documents of ${rule.data} (${[...known].sort().slice(0, 12).join(", ") || "they have none"})`,
        received: `"${name}"`,
        hint: "`source.attributes` makes a field of the source an attribute.",
      });
}

/** What is due under a rule at a time. A data set that was never made has nothing. Errors: project/retention. */
export async function planDocuments(at: Workspace, store: Store, rule: RetentionRule, place: string, nowMs: number): Promise<DocumentPlan> {
  const set = await findDataSet(at.file, store, rule.data!);
  if (!set) return { due: [], onHold: [], unreadable: [], documents: 0 };
  const all = await documentsIn(set);
  // an emptied data set has no attributes to judge the rule by
  if (all.length > 0)
    checkAttributes(
      rule,
      place,
      all.map(d => d.document),
    );
  const own = all.filter(d => isAbout(d.document, rule));
  const came =
    rule.from === undefined
      ? await arrivals(
          store,
          set,
          own.map(d => d.document.id),
        )
      : undefined;
  const due: RetainedDocument[] = [];
  const onHold: RetainedDocument[] = [];
  const unreadable: { id: string; problem: string }[] = [];
  for (const { document, side } of own) {
    const age: DocumentAge = came ? { fromMs: came.get(document.id)! } : attributeAge(document, rule.from!);
    if ("unreadable" in age) {
      unreadable.push({ id: document.id, problem: age.unreadable });
      continue;
    }
    if (age.fromMs + keepMs(rule) > nowMs) continue;
    const { subject } = document.attributes;
    const people = Array.isArray(subject) ? subject : [subject];
    const isHeld = rule.except.includes(document.id) || people.some(p => typeof p === "string" && rule.except.includes(p));
    (isHeld ? onHold : due).push({ id: document.id, side, from: new Date(age.fromMs).toISOString() });
  }
  return { due, onHold, unreadable, documents: own.length };
}
