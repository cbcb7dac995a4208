/** Groups of like documents, the largest first: those that a step dropped, each with the one that stays in its place. Read from the ledger alone. */
import type { ArtifactReader } from "../../store/index.ts";
import { clusterKey, ledgerLines } from "../explain.ts";
import type { LedgerEntry, LedgerMeasure } from "../ledger.ts";

export interface ClusterMember {
  readonly id: string;
  /** What says that it is alike: `near-duplicates`, `semantic-duplicates`, ... */
  readonly step: string;
  readonly rule: string;
  /** Likeness to the one that stays, as the rule measures it. */
  readonly value: LedgerMeasure;
  readonly survivor: string;
}

export interface DocumentCluster {
  /** Documents that stay. */
  readonly survivors: readonly string[];
  /** With those that stay. */
  readonly size: number;
  readonly steps: readonly string[];
  /** Documents that went, the most alike first; some of them. */
  readonly members: readonly ClusterMember[];
}

/** Members of a group that are listed. */
const listedMembers = 20;

const likeness = ({ value }: ClusterMember): number => (typeof value === "number" ? value : 1);

/** All groups; those of which `isErased` are left out, and groups of one with them. Errors: store/blobMissing, store/blobDamaged. */
export async function documentClusters(artifact: ArtifactReader, isErased: (id: string) => boolean): Promise<DocumentCluster[]> {
  const groups = new Map<string, ClusterMember[]>();
  if (!artifact.files.some(f => f.name === "ledger.jsonl")) return [];
  for await (const line of ledgerLines(artifact, "ledger.jsonl")) {
    if (!line.includes('"survivor"')) continue;
    const entry = JSON.parse(line) as LedgerEntry;
    const key = clusterKey(entry);
    const { document: id, step, rule, value, survivor } = entry;
    if (key === undefined || survivor === undefined || isErased(id) || isErased(survivor)) continue;
    const group = `${step}\u0000${key}`;
    const members = groups.get(group) ?? [];
    members.push({ id, step, rule, value, survivor });
    groups.set(group, members);
  }
  return [...groups.values()]
    .map(all => {
      const survivors = [...new Set(all.map(m => m.survivor))].sort();
      const members = [...all].sort((a, b) => likeness(b) - likeness(a) || (a.id < b.id ? -1 : 1)).slice(0, listedMembers);
      return { survivors, size: all.length + survivors.length, steps: [...new Set(all.map(m => m.step))], members };
    })
    .sort((a, b) => b.size - a.size || (a.survivors[0]! < b.survivors[0]! ? -1 : 1));
}
