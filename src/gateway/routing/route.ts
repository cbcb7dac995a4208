/** A model as its users name it, and the targets that can answer for it. */

export const strategies = ["weighted", "leastOutstanding", "latency", "prefix"] as const;
export type Strategy = (typeof strategies)[number];

export interface Target {
  /** `upstream/model`: unique within a route, the same on every replica. */
  readonly id: string;
  readonly upstream: string;
  /** As the upstream names it. */
  readonly model: string;
  /** Share among targets of the same priority. */
  readonly weight: number;
  /** Targets of the lowest number are asked first; others only while none of those can be. */
  readonly priority: number;
}

/** What keeps a caller with the target that it had before. */
export const stickyKeys = ["none", "user", "key"] as const;
export type Sticky = (typeof stickyKeys)[number];

export interface Route {
  /** The model's public name. */
  readonly name: string;
  readonly strategy: Strategy;
  readonly sticky: Sticky;
  readonly targets: readonly Target[];
  /** Other models, asked in order when no target of this one answers. */
  readonly fallbacks: readonly string[];
}
