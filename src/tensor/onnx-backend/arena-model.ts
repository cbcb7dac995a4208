/**
 * The engine's arena as a model: what it counts as in use for a sequence of allocations and releases. A piece that is less than twice what is asked
 * for is given away whole, so the count is above the sum of what lives. Source: ONNX Runtime's BFCArena.
 */

interface Piece {
  size: number;
  isFree: boolean;
  /** Neighbours in the same region. */
  before: Piece | undefined;
  after: Piece | undefined;
  /** In the order of regions, then of places in one. */
  readonly region: number;
}

/** Sizes are rounded up to it. */
const unit = 256;
/** A piece is cut where this much or more would be left over, whatever the size. */
const mostLeft = 128 * 2 ** 20;

/** What it takes from the system when it has no piece: what is asked for (the process's shared arena), or twice as much each time (a session's own). */
export type ArenaGrowth = "asked" | "doubled";
const firstRegion = 2 ** 20;

export class ArenaModel {
  readonly #growth: ArenaGrowth;
  #nextRegion = firstRegion;
  readonly #free = new Set<Piece>();
  #regions = 0;
  #used = 0;
  #peak = 0;

  constructor(growth: ArenaGrowth) {
    this.#growth = growth;
  }

  get peakBytes(): number {
    return this.#peak;
  }

  #grow(size: number): Piece {
    let region = size;
    if (this.#growth === "doubled") {
      const fits = size <= this.#nextRegion;
      while (size > this.#nextRegion) this.#nextRegion *= 2;
      region = this.#nextRegion;
      if (fits) this.#nextRegion *= 2;
    }
    return { size: region, isFree: false, before: undefined, after: undefined, region: this.#regions++ };
  }

  take(bytes: number): Piece {
    const size = unit * Math.ceil(Math.max(1, bytes) / unit);
    let best: Piece | undefined;
    for (const p of this.#free)
      if (p.size >= size && (!best || p.size < best.size || (p.size === best.size && p.region < best.region))) best = p;
    const piece = best ?? this.#grow(size);
    this.#free.delete(piece);
    piece.isFree = false;
    if (piece.size >= 2 * size || piece.size - size >= mostLeft) {
      const rest: Piece = { size: piece.size - size, isFree: true, before: piece, after: piece.after, region: piece.region };
      if (piece.after) piece.after.before = rest;
      piece.after = rest;
      piece.size = size;
      this.#free.add(rest);
    }
    this.#used += piece.size;
    this.#peak = Math.max(this.#peak, this.#used);
    return piece;
  }

  giveBack(piece: Piece): void {
    this.#used -= piece.size;
    piece.isFree = true;
    const { before, after } = piece;
    if (after?.isFree) this.#join(piece, after);
    if (before?.isFree) this.#join(before, piece);
    this.#free.add(before?.isFree ? before : piece);
  }

  #join(first: Piece, second: Piece): void {
    first.size += second.size;
    first.after = second.after;
    if (second.after) second.after.before = first;
    this.#free.delete(second);
  }
}
