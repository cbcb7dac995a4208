/** What a comparison of two sketches says, as plain data. */
import type { BinnedDistances, Interval } from "../../statistics/index.ts";
import type { FeatureRole, FeatureType } from "./spec.ts";

export const driftKinds = ["covariate", "label", "prediction"] as const;
export type DriftKind = (typeof driftKinds)[number];
export const kindOfRole: Readonly<Record<FeatureRole, DriftKind>> = { input: "covariate", label: "label", prediction: "prediction" };

/** `drift`: a significant change of at least `leastChange`, of `least` values or more. `too few`: none was found, and one worth finding could have been missed. */
export type DriftVerdict = "drift" | "no drift" | "too few";

export interface DriftOptions {
  /** Chance of any false alarm over all features of one comparison (default 0.05). */
  readonly alpha?: number;
  /** Least change worth finding, as a distance of distributions from 0 to 1: Kolmogorov-Smirnov's D, or the share that moved (default 0.2). */
  readonly detect?: number;
  /** Chance of finding it (default 0.8). */
  readonly power?: number;
  /** Least values of each side of a feature that is called drift (default 5): a test may tell one text from thousands, a person would not call it a change. */
  readonly least?: number;
  /** Least change that is called drift, on the scale of `detect` (default 0.02): with enough texts a test finds any. */
  readonly leastChange?: number;
  /** Bins of PSI and its like (default 10). */
  readonly bins?: number;
  /** Permutations of the test of vectors (default 999). */
  readonly draws?: number;
  readonly seed?: number | string;
  /** Features that are compared; default: all that both have. */
  readonly features?: readonly string[];
  /** Values that moved, listed a feature at most (default 10). */
  readonly most?: number;
}

/** One value of a category, one token, or one coordinate that changed. */
export interface MovedValue {
  /** A category's name, or a token's id. */
  readonly value: string | number;
  /** Shares of events that have it. */
  readonly reference: number;
  readonly window: number;
  /** Window less reference. */
  readonly difference: Interval;
  readonly p: number;
  /** Corrected over the values of the feature (Benjamini and Hochberg). */
  readonly q: number;
  /** Not in the reference at all. */
  readonly isNew: boolean;
}

interface SideCount {
  /** Usable values. */
  readonly values: number;
  readonly missing: number;
  /** Infinite, or not of the feature's type. */
  readonly invalid: number;
}

export interface NumberSide {
  readonly mean: number;
  readonly deviation: number;
  readonly least: number;
  readonly most: number;
  /** 10 %, 25 %, 50 %, 75 %, 90 % of the sample. */
  readonly quantiles: readonly [number, number, number, number, number];
}

export interface FeatureDrift {
  readonly name: string;
  readonly type: FeatureType;
  readonly kind: DriftKind;
  readonly verdict: DriftVerdict;
  readonly reference: SideCount;
  readonly window: SideCount;
  /** Values of the window that would be enough; null where no number would be (the reference is too small). */
  readonly needed: number | null;
  /** The test that decides: its name, and p before and after correction. */
  readonly test: string;
  readonly statistic: number;
  /** How much of the texts moved, 0 to 1: Kolmogorov-Smirnov's D, the total variation of categories, the largest difference of shares. */
  readonly change: number;
  readonly p: number;
  /** Holm's, over the features: for "has anything changed". */
  readonly adjustedP: number;
  /** Benjamini and Hochberg's: for "which". */
  readonly q: number;
  /** How large the change is, with its 95 % interval; null where it cannot be told. */
  readonly effect: Interval | null;
  /** What the effect is: `mean difference`, `Cramér's V`, ... */
  readonly measure: string;
  /** By bins of the reference; null where there are fewer than two. */
  readonly distances: BinnedDistances | null;
  /** Further tests and distances by name. */
  readonly tests: Readonly<Record<string, number>>;
  readonly numbers?: { readonly reference: NumberSide; readonly window: NumberSide };
  readonly moved?: readonly MovedValue[];
  readonly notes: readonly string[];
}

export interface KindDrift {
  readonly verdict: DriftVerdict;
  /** Of the features of this kind, Holm's least. */
  readonly p: number;
  /** Features that changed. */
  readonly features: readonly string[];
}

export interface DriftReport {
  readonly verdict: DriftVerdict;
  readonly alpha: number;
  /** Holm's least over all features: the p-value of "nothing has changed". */
  readonly p: number;
  /** Events on each side. */
  readonly events: { readonly reference: number; readonly window: number };
  /** Kinds that have features. */
  readonly kinds: Readonly<Partial<Record<DriftKind, KindDrift>>>;
  /** The strongest change first. */
  readonly features: readonly FeatureDrift[];
  /** Features that only one side has, or has measured. */
  readonly onlyIn: { readonly reference: readonly string[]; readonly window: readonly string[] };
}
