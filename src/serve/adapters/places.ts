/**
 * Which adapter has which place in a model's bank, by name, and what has to be written before the next step. A name is there at once and is
 * gone at once for those who ask; its place is free when nobody computes with it any more. Knows no device: the step loop writes.
 */
import type { Adapter, AdapterRoom } from "../../nn/index.ts";
import { serveErrors } from "../errors.ts";

export interface PlacedAdapter {
  readonly name: string;
  /** In the bank; 1 is the first. */
  readonly place: number;
  readonly adapter: Adapter;
}

/** Something for the step loop to do: an adapter into its place, or nothing into a place once nobody uses it. */
interface Change {
  readonly place: number;
  readonly adapter: Adapter | undefined;
  resolve(): void;
  reject(error: unknown): void;
}

export class AdapterPlaces {
  readonly #model: string;
  readonly #room: AdapterRoom | undefined;
  readonly #named = new Map<string, PlacedAdapter>();
  /** In the order in which they were asked for. */
  #changes: readonly Change[] = [];

  constructor(model: string, room: AdapterRoom | undefined) {
    this.#model = model;
    this.#room = room;
  }

  list(): readonly PlacedAdapter[] {
    return [...this.#named.values()];
  }

  /** Errors: serve/unknownModel. */
  of(name: string): PlacedAdapter {
    const found = this.#named.get(name);
    if (found) return found;
    throw serveErrors.fail("unknownModel", {
      place: "model",
      expected: `an adapter of ${this.#model}: ${[...this.#named.keys()].join(", ") || "it has none"}`,
      received: JSON.stringify(name.slice(0, 100)),
    });
  }

  /** Gives an adapter a name and a place; resolves when it is written. Errors: serve/adapter. */
  add(name: string, adapter: Adapter): Promise<void> {
    const { count, rank } = this.#room ?? { count: 0, rank: 0 };
    const fail = (expected: string, received: string, hint: string) =>
      serveErrors.fail("adapter", { place: name.slice(0, 100), expected, received, hint });
    if (this.#named.has(name)) throw fail("a name that is free", "one that an adapter has", "Unload that one first.");
    if (count === 0) throw fail("a model with room for adapters", this.#model, "Room is chosen at the start: loam serve --max-adapters 4.");
    if (adapter.rank > rank)
      throw fail(`a rank of at most ${rank}`, String(adapter.rank), "Room is chosen at the start: loam serve --max-adapter-rank.");
    const taken = new Set([...this.list(), ...this.#changes].map(p => p.place));
    const place = Array.from({ length: count }, (_, i) => i + 1).find(p => !taken.has(p));
    if (place === undefined)
      throw fail(
        `at most ${count} adapters`,
        `one more beside ${this.list()
          .map(p => p.name)
          .join(", ")}`,
        "Unload one, or start with more room: loam serve --max-adapters.",
      );
    const placed = { name, place, adapter };
    this.#named.set(name, placed);
    return this.#change(place, adapter).catch(error => {
      if (this.#named.get(name) === placed) this.#named.delete(name);
      throw error;
    });
  }

  /** Takes a name away; resolves when nobody computes with it any more and its place is free. Errors: serve/unknownModel. */
  remove(name: string): Promise<void> {
    const { place } = this.of(name);
    this.#named.delete(name);
    return this.#change(place, undefined);
  }

  #change(place: number, adapter: Adapter | undefined): Promise<void> {
    return new Promise<void>((resolve, reject) => {
      this.#changes = [...this.#changes, { place, adapter, resolve, reject }];
    });
  }

  /** What can be done now; a place that is left waits until `isUsed` denies it. */
  #due(isUsed: (place: number) => boolean): Change | undefined {
    return this.#changes.find(c => c.adapter !== undefined || !isUsed(c.place));
  }
  isSettled(isUsed: (place: number) => boolean): boolean {
    return this.#due(isUsed) === undefined;
  }

  /** Makes the changes that are due, between two steps. */
  async settle(isUsed: (place: number) => boolean, write: (place: number, adapter: Adapter | undefined) => Promise<void>): Promise<void> {
    for (let change = this.#due(isUsed); change; change = this.#due(isUsed)) {
      const { place, adapter, resolve, reject } = change;
      const end = (tell: () => void) => {
        this.#changes = this.#changes.filter(c => c !== change);
        tell();
      };
      await write(place, adapter).then(
        () => end(resolve),
        error => end(() => reject(error)),
      );
    }
  }

  /** Ends what was asked for and will not be done any more. */
  close(error: unknown): void {
    const left = this.#changes;
    this.#changes = [];
    for (const { adapter, resolve, reject } of left) {
      if (adapter) reject(error);
      else resolve();
    }
  }
}
