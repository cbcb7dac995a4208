/**
 * What hangs on documents that shall be forgotten: whom they stand for, who stands for them, and who is alike. A copy holds nearly the same
 * text, so whoever forgets one will want to know of the others. Read from an artifact; nothing is run.
 */
import { defined } from "../../base/index.ts";
import type { ArtifactReader } from "../../store/index.ts";
import { documentIds, findDocuments, ledgerLines } from "../explain.ts";
import type { LedgerEntry, LedgerMeasure, LedgerSide } from "../ledger.ts";

export interface Alike {
  readonly id: string;
  /** Why it is taken to be alike. */
  readonly why: string;
  readonly value: LedgerMeasure | null;
}

export interface ForgetPlace {
  readonly id: string;
  readonly side: LedgerSide;
  /** Where it was read from. */
  readonly source: string;
  readonly sizeBytes: number;
  /** Dropped documents in whose place it stays. */
  readonly standsFor: readonly string[];
  /** The one that stays in its place, where it was dropped for being a copy. */
  readonly survivor?: string;
  /** All documents of its cluster but itself, kept and dropped. */
  readonly alike: readonly Alike[];
}

/** A cluster's name: the step's, or the one that stays. Whoever stays in it because `keep:` names it is alike all the same. */
const clusterKey = (e: LedgerEntry): string | undefined => (e.survivor === undefined ? undefined : (e.cluster ?? e.survivor));

const copies = async function* (artifact: ArtifactReader): AsyncGenerator<LedgerEntry> {
  // Only lines of copies are parsed.
  for await (const line of ledgerLines(artifact, "ledger.jsonl")) if (line.includes('"survivor":')) yield JSON.parse(line) as LedgerEntry;
};

/** Documents that the split found alike and kept on one side, by the name of their group. */
async function groups(artifact: ArtifactReader, names: ReadonlySet<string>): Promise<Map<string, string[]>> {
  const found = new Map<string, string[]>([...names].map(n => [n, []]));
  if (names.size === 0) return found;
  for (const side of ["train", "held-out"] as const)
    for await (const line of ledgerLines(artifact, `${side}.jsonl`)) {
      if (!line.includes('"cluster":')) continue;
      const d = JSON.parse(line) as { id: string; attributes: { cluster?: unknown } };
      if (typeof d.attributes.cluster === "string") found.get(d.attributes.cluster)?.push(d.id);
    }
  return found;
}

/** Places of documents that the artifact has, in the order of `ids`; memory grows with their clusters. */
export async function forgetPlaces(artifact: ArtifactReader, ids: readonly string[]): Promise<ForgetPlace[]> {
  const wanted = new Set(ids);
  const keys = new Map<string, string>();
  for await (const e of copies(artifact)) {
    const key = clusterKey(e);
    if (key === undefined) continue;
    if (wanted.has(e.document)) keys.set(e.document, key);
    if (e.survivor !== undefined && wanted.has(e.survivor)) keys.set(e.survivor, key);
  }
  const members = new Map<string, LedgerEntry[]>([...keys.values()].map(k => [k, []]));
  if (members.size > 0) for await (const e of copies(artifact)) members.get(clusterKey(e) ?? "")?.push(e);

  const documents = await findDocuments(artifact, wanted);
  const groupOf = (id: string): string | undefined => {
    const name = documents.get(id)?.document.attributes.cluster;
    return typeof name === "string" ? name : undefined;
  };
  const grouped = await groups(artifact, new Set([...documents.keys()].flatMap(id => groupOf(id) ?? [])));

  return ids.flatMap((id): ForgetPlace[] => {
    const found = documents.get(id);
    if (!found) return [];
    const entries = members.get(keys.get(id) ?? "") ?? [];
    const own = entries.find(e => e.document === id);
    const alike = new Map<string, Alike>();
    for (const e of entries) {
      alike.set(e.document, { id: e.document, why: `${e.step}/${e.rule}`, value: e.value });
      if (e.survivor !== undefined && !alike.has(e.survivor))
        alike.set(e.survivor, { id: e.survivor, why: `${e.step}/${e.rule}`, value: null });
    }
    for (const other of grouped.get(groupOf(id) ?? "") ?? [])
      if (!alike.has(other)) alike.set(other, { id: other, why: "split/near-duplicate", value: null });
    alike.delete(id);
    return [
      {
        id,
        side: found.side,
        source: found.document.source,
        sizeBytes: Buffer.byteLength(found.document.text),
        standsFor: entries.filter(e => e.action === "drop" && e.survivor === id).map(e => e.document),
        ...(own?.action !== "drop" || own.survivor === undefined ? {} : { survivor: own.survivor }),
        alike: [...alike.values()].sort((a, b) => (a.id < b.id ? -1 : 1)),
      },
    ];
  });
}

/** Which of the ids the artifact has, kept or dropped: those whose text is in it. */
export async function idsWithin(artifact: ArtifactReader, ids: readonly string[]): Promise<string[]> {
  const wanted = new Set(ids);
  return (await documentIds(artifact)).filter(id => wanted.has(id));
}

export interface Heir {
  readonly id: string;
  /** It stays now itself, on this side; or it is dropped again. */
  readonly side: LedgerSide;
  /** Who stays in its place, where it was dropped as a copy again. */
  readonly survivor?: string;
}

/** What became of documents for which a forgotten one had stayed. */
export async function heirs(artifact: ArtifactReader, ids: readonly string[]): Promise<Heir[]> {
  const wanted = new Set(ids);
  const survivors = new Map<string, string>();
  for await (const e of copies(artifact)) if (e.action === "drop" && wanted.has(e.document)) survivors.set(e.document, e.survivor!);
  const documents = await findDocuments(artifact, wanted);
  return ids.flatMap((id): Heir[] => {
    const found = documents.get(id);
    const survivor = survivors.get(id);
    return found ? [{ id, side: found.side, ...defined({ survivor }) }] : [];
  });
}
