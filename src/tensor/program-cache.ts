/**
 * Compiled programs by signature, at most so many: each shape of the arguments is a program with a native session of its own, and shapes that
 * come from outside have no end. The least recently used one is disposed when another is built; one that is being built or runs never is.
 */

/** Programs of one compiled function where nobody says otherwise. A session takes 0.3 to 1.2 MB beside its weights, which are shared. */
export const defaultKeptPrograms = 64;

interface Entry<P> {
  readonly program: Promise<P>;
  /** Calls that build it or run it. */
  users: number;
}

/** The right to use a program until it is given back. */
export interface ProgramLease<P> {
  readonly program: Promise<P>;
  release(): void;
}

export class ProgramCache<P> {
  /** The least recently used one comes first. */
  readonly #entries = new Map<string, Entry<P>>();
  readonly #most: number;
  readonly #dispose: (program: P) => void;

  constructor(most: number, dispose: (program: P) => void) {
    this.#most = most;
    this.#dispose = dispose;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** The program of a key; built where it is not there, or no longer. */
  lease(key: string, build: () => Promise<P>): ProgramLease<P> {
    let entry = this.#entries.get(key);
    if (!entry) {
      entry = { program: build(), users: 0 };
      const made = entry;
      made.program.catch(() => {
        if (this.#entries.get(key) === made) this.#entries.delete(key);
      });
    }
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    entry.users++;
    this.#evict();
    const { program } = entry;
    let isHeld = true;
    const release = (): void => {
      if (!isHeld) return;
      isHeld = false;
      entry.users--;
      this.#evict();
    };
    return { program, release };
  }

  #evict(): void {
    for (const [key, { program, users }] of this.#entries) {
      if (this.#entries.size <= this.#most) return;
      if (users > 0) continue;
      this.#entries.delete(key);
      this.#free(program);
    }
  }

  #free(program: Promise<P>): void {
    program.then(this.#dispose, () => {});
  }

  /** Disposes all of them. */
  dispose(): void {
    for (const { program } of this.#entries.values()) this.#free(program);
    this.#entries.clear();
  }
}
