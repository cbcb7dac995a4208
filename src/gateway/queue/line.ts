/**
 * Waiting requests in order. A request's rank is when it came minus its priority times `agingMs`: waiting gains one priority each
 * `agingMs`, at the same pace for all, so the order of two never changes while they wait, and one of priority p is overtaken by one of q only if
 * that came within (q - p) x agingMs after it. So nobody starves. Priority ageing as in Multics and Tanenbaum, "Modern Operating Systems", 2.4.3.
 */

interface Place<T> {
  readonly item: T;
  readonly rank: number;
  readonly order: number;
}

export const rankOf = (nowMs: number, priority: number, agingMs: number): number => nowMs - priority * agingMs;

/** Sorted by rank, then by arrival. A thousand at most, so places are moved, not linked. */
export class Line<T> {
  readonly #places: Place<T>[] = [];
  #count = 0;

  get length(): number {
    return this.#places.length;
  }

  /** In order. */
  *[Symbol.iterator](): Generator<T> {
    for (const { item } of this.#places) yield item;
  }

  /** Index of the first place behind a rank and an order. */
  #behind(rank: number, order: number): number {
    let [from, to] = [0, this.#places.length];
    while (from < to) {
      const middle = (from + to) >> 1;
      const p = this.#places[middle]!;
      if (p.rank < rank || (p.rank === rank && p.order <= order)) from = middle + 1;
      else to = middle;
    }
    return from;
  }

  /** Adds an item; returns the function that removes it, which returns false where it was removed before. */
  push(item: T, rank: number): () => boolean {
    const order = this.#count++;
    this.#places.splice(this.#behind(rank, order), 0, { item, rank, order });
    return () => {
      const at = this.#behind(rank, order) - 1;
      if (this.#places[at]?.order !== order) return false;
      this.#places.splice(at, 1);
      return true;
    };
  }

  /** The last item, where it comes after the rank. */
  lastAfter(rank: number): T | undefined {
    const last = this.#places.at(-1);
    return last !== undefined && last.rank > rank ? last.item : undefined;
  }
}
