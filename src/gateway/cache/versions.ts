/**
 * Which version of its model each target said last: Loam's server names it in a header of each answer. A kept answer is found only under the versions
 * that hold now, so the first answer of a new one ends those of the old. In memory, of this process: after a start each target says it again.
 */
import type { Target } from "../routing/route.ts";

export class Versions {
  readonly #said = new Map<string, string>();

  /** An answer has come: its target's version, or that its server does not say one. */
  heard(target: string, version: string | undefined): void {
    if (version === undefined) this.#said.delete(target);
    else this.#said.set(target, version);
  }

  /** Target and version in turn, of those that have said one; the same whatever the order of the targets. */
  of(targets: readonly Pick<Target, "id">[]): readonly string[] {
    if (this.#said.size === 0) return [];
    return targets
      .flatMap(({ id }) => {
        const version = this.#said.get(id);
        return version === undefined ? [] : [[id, version] as const];
      })
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .flat();
  }
}
