/**
 * The bytes of an event that is not complete. What comes is put behind them in a store that doubles: however finely they are cut, each is copied
 * about twice, and whoever looks for the end need only look at what is new.
 */

const nothing = Buffer.alloc(0);

export class Waiting {
  #store: Buffer = nothing;
  /** Of the store. */
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** All that waits, with the piece behind it; `keep` must follow. */
  with(piece: Buffer): Buffer {
    const before = this.#size;
    this.#size += piece.length;
    if (before === 0) {
      this.#store = piece;
      return piece;
    }
    // a store without room is a piece as it came, or what events that were given share: it is never written to
    if (this.#size > this.#store.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(this.#size, before * 2));
      this.#store.copy(larger, 0, 0, before);
      this.#store = larger;
    }
    piece.copy(this.#store, before);
    return this.#store.subarray(0, this.#size);
  }

  /** What begins at `from` waits on. */
  keep(from: number): void {
    if (from === 0) return;
    this.#store = from === this.#size ? nothing : this.#store.subarray(from, this.#size);
    this.#size = this.#store.length;
  }
}
