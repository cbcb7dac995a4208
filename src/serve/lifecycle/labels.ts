/** Labels, weights and policy of one model: what points at its versions. Plain data; what may be set is checked in `pointing.ts`. */
import { defined } from "../../base/index.ts";
import type { VersionPolicy } from "./policy.ts";
import { Cycle, type SplitWeights } from "./split.ts";

/** A label is no number (versions are) and not `latest`, which is the newest that serves. */
export const labelPattern = /^(?!\d+$)(?!latest$)[\w.-]{1,64}$/;

/** What points at a model's versions, as it is kept over a restart. */
export interface RulesData {
  readonly labels: Readonly<Record<string, number>>;
  /** By version. */
  readonly weights: Readonly<Record<string, number>>;
  readonly shadow: Readonly<Record<string, number>>;
  readonly policy?: VersionPolicy | undefined;
}

/** Versions as keys of JSON, and back. */
export const splitWeights = (of: Readonly<Record<string, number>>): SplitWeights =>
  new Map(Object.entries(of).map(([version, weight]) => [Number(version), weight]));

/** The versions that rules point at. */
export const pointedAt = ({ labels, weights, shadow }: RulesData): readonly number[] => [
  ...new Set([
    ...Object.values(labels),
    ...[...splitWeights(weights), ...splitWeights(shadow)].filter(([, weight]) => weight > 0).map(([version]) => version),
  ]),
];

export class ModelRules {
  readonly labels = new Map<string, number>();
  #weights: SplitWeights = new Map();
  #cycle: Cycle | undefined;
  /** Share of requests, in percent, that is copied to a version whose answers nobody sees. */
  #shadows: SplitWeights = new Map();
  #shadowCycles: readonly (readonly [number, Cycle])[] = [];
  policy: VersionPolicy | undefined;
  /** The label that the bare name means, where it means one and requests are not split. */
  bare: string | undefined;
  /** Labels that the record gave: it gives them again. */
  readonly recorded = new Set<string>();
  /** Labels that an operator took away: an alias of that name does not bring them back while the server runs. */
  readonly declined = new Set<string>();
  /** How long its versions rest before they leave memory, where it is said for this model. */
  keepAliveMs: number | undefined;

  data(): RulesData {
    return {
      labels: Object.fromEntries([...this.labels].filter(([label]) => !this.recorded.has(label))),
      weights: Object.fromEntries(this.#weights),
      shadow: Object.fromEntries(this.#shadows),
      ...defined({ policy: this.policy }),
    };
  }

  get weights(): SplitWeights {
    return this.#weights;
  }
  get shadows(): SplitWeights {
    return this.#shadows;
  }
  setWeights(weights: SplitWeights): void {
    this.#weights = new Map([...weights].filter(([, w]) => w > 0));
    this.#cycle = this.#weights.size > 0 ? new Cycle(this.#weights) : undefined;
  }
  setShadows(shadows: SplitWeights): void {
    this.#shadows = new Map([...shadows].filter(([, w]) => w > 0));
    // version 1 stands for "copy", 0 for "do not"
    this.#shadowCycles = [...this.#shadows].map(([version, percent]) => [
      version,
      new Cycle(
        new Map([
          [1, percent],
          [0, 100 - percent],
        ]),
      ),
    ]);
  }

  nextOfCycle(): number | undefined {
    return this.#cycle?.next();
  }
  /** Versions that this request is copied to. */
  nextShadows(): readonly number[] {
    return this.#shadowCycles.filter(([, cycle]) => cycle.next() === 1).map(([version]) => version);
  }

  /** What points at a version, in words. */
  pointers(version: number): readonly string[] {
    return [
      ...[...this.labels].filter(([, v]) => v === version).map(([label]) => `label "${label}"`),
      ...(this.#weights.has(version) ? [`weight ${this.#weights.get(version)}`] : []),
      ...(this.#shadows.has(version) ? [`${this.#shadows.get(version)} % of copies`] : []),
    ];
  }
  forget(version: number): void {
    for (const [label, v] of this.labels) if (v === version) this.labels.delete(label);
    const without = (weights: SplitWeights) => new Map([...weights].filter(([v]) => v !== version));
    if (this.#weights.has(version)) this.setWeights(without(this.#weights));
    if (this.#shadows.has(version)) this.setShadows(without(this.#shadows));
  }
}
