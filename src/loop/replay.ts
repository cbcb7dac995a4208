/**
 * The documents of a round: new ones that train, the newest of them as the recent test set, and a sample of earlier ones (replay; Ibrahim et al. 2024,
 * arXiv 2403.08763: a share of old data keeps what was learnt). The sample is stratified by class and by time, seeded, and the same whatever the order is that
 * documents come in.
 */
import { createHash } from "node:crypto";

export interface DatedRow {
  readonly id: string;
  readonly label: string;
  /** Milliseconds since 1970; null for a document without a time. */
  readonly atMs: number | null;
  /** Near-duplicates that it is one of, or itself. */
  readonly group: string;
}

export interface RoundDraw {
  /** Ids of new documents that train. */
  readonly fresh: readonly string[];
  /** Ids of the recent test set. */
  readonly recent: readonly string[];
  /** Ids of the replay sample. */
  readonly replayed: readonly string[];
}

interface DrawOptions {
  readonly replay: number;
  readonly recent: number;
  readonly seed: number | string;
}

/** Where an id stands among all that could be. */
const rankOf = (id: string, seed: number | string): string => createHash("sha256").update(`${seed}/replay/${id}`).digest("hex");

const monthOf = (atMs: number | null): string => (atMs === null ? "" : new Date(atMs).toISOString().slice(0, 7));

/** So many of the rows, each stratum by its share (largest remainder), within one by hash. */
export function stratifiedSample(rows: readonly DatedRow[], size: number, seed: number | string): string[] {
  if (size >= rows.length) return rows.map(r => r.id).sort();
  const strata = new Map<string, string[]>();
  for (const { id, label, atMs } of rows) {
    const key = JSON.stringify([label, monthOf(atMs)]);
    const own = strata.get(key);
    if (own) own.push(id);
    else strata.set(key, [id]);
  }
  const shares = [...strata].map(([key, ids]) => {
    const exact = (size * ids.length) / rows.length;
    return { key, ids, whole: Math.floor(exact), rest: exact - Math.floor(exact) };
  });
  const missing = size - shares.reduce((n, s) => n + s.whole, 0);
  const extra = new Set(
    shares
      .toSorted((a, b) => b.rest - a.rest || (a.key < b.key ? -1 : 1))
      .slice(0, missing)
      .map(s => s.key),
  );
  return shares
    .flatMap(({ key, ids, whole }) => {
      const ranked = ids.map(id => [rankOf(id, seed), id] as const).sort(([a], [b]) => (a < b ? -1 : 1));
      return ranked.slice(0, whole + (extra.has(key) ? 1 : 0)).map(([, id]) => id);
    })
    .sort();
}

/**
 * `fresh` are the new documents, `earlier` those that could be replayed. The recent test set is drawn by groups from the whole of the new ones, so that it
 * says what they say; no group stands on both sides, and none with an earlier document tests: the current version has learnt from that.
 */
export function drawRound(fresh: readonly DatedRow[], earlier: readonly DatedRow[], { replay, recent, seed }: DrawOptions): RoundDraw {
  const isRecent = (group: string): boolean => Number.parseInt(rankOf(`recent/${group}`, seed).slice(0, 8), 16) < recent * 2 ** 32;
  const seen = new Set(earlier.map(r => r.group));
  const held = fresh.filter(r => isRecent(r.group) && !seen.has(r.group));
  const heldGroups = new Set(held.map(r => r.group));
  const train = fresh.filter(r => !heldGroups.has(r.group));
  const size = Math.round((train.length * replay) / (1 - replay));
  return {
    fresh: train.map(r => r.id).sort(),
    recent: held.map(r => r.id).sort(),
    replayed: stratifiedSample(earlier, size, seed),
  };
}
