/** Precision, recall and F2 of found spans: one hits where it shares at least half of the characters that it and a true one span together. */

export type Range = readonly [start: number, end: number];

export interface Hits {
  readonly hits: number;
  readonly found: number;
  readonly there: number;
  /** Of the hits, those with the very ends. */
  readonly exact: number;
  /** Which of the true ones were met. */
  readonly met: readonly boolean[];
}

export function hitsOf(truth: readonly Range[], found: readonly Range[]): Hits {
  const met = truth.map(() => false);
  let exact = 0;
  for (const [start, end] of found) {
    const at = truth.findIndex(
      ([s, e], i) => !met[i] && 2 * (Math.min(end, e) - Math.max(start, s)) >= Math.max(end, e) - Math.min(start, s),
    );
    if (at < 0) continue;
    met[at] = true;
    if (truth[at]![0] === start && truth[at]![1] === end) exact++;
  }
  return { hits: met.filter(Boolean).length, found: found.length, there: truth.length, exact, met };
}

export interface NameScore {
  readonly precision: number;
  readonly recall: number;
  readonly f2: number;
}

/** Of some sentences, by index; the same may come again. */
export function scoreOf(rows: readonly Pick<Hits, "hits" | "found" | "there">[], items?: Int32Array): NameScore {
  let [hits, found, there] = [0, 0, 0];
  for (let k = 0; k < (items?.length ?? rows.length); k++) {
    const row = rows[items ? items[k]! : k]!;
    hits += row.hits;
    found += row.found;
    there += row.there;
  }
  const precision = found === 0 ? Number.NaN : hits / found;
  const recall = there === 0 ? Number.NaN : hits / there;
  // 5 P R / (4 P + R), written in counts: no names found or there is no division by 0
  return { precision, recall, f2: (5 * hits) / (4 * there + found || 1) };
}
