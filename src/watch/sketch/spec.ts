/**
 * What a sketch keeps of a stream of events (documents, requests): features by name. Two sketches can be added where their specs are equal, and compared
 * where their features of one name have one type and their tokenizers are the same.
 */

/** What a change of a feature means: of what goes in, of what is right, of what the model says. */
export type FeatureRole = "input" | "label" | "prediction";

interface FeatureOf<T extends string> {
  readonly type: T;
  /** Default: `input`. */
  readonly role?: FeatureRole;
}

export interface NumberFeature extends FeatureOf<"number"> {
  /** Inner edges of a histogram of all values, rising; a bin holds values above its left edge up to its right one. Default: no histogram. */
  readonly edges?: readonly number[];
}

export interface CategoryFeature extends FeatureOf<"category"> {
  /** Values that always have a count of their own, however many others come. */
  readonly known?: readonly string[];
  /** Whether an event may have several values (classes of private data); shares are then of events. */
  readonly several?: boolean;
}

export interface TokensFeature extends FeatureOf<"tokens"> {
  /** Token ids are 0 to vocabulary - 1. */
  readonly vocabulary: number;
}

export interface VectorFeature extends FeatureOf<"vector"> {
  readonly size: number;
}

export type FeatureSpec = NumberFeature | CategoryFeature | TokensFeature | VectorFeature;
export type FeatureType = FeatureSpec["type"];

export interface SketchSpec {
  /** Digest of the tokenizer that token ids and vectors come from; null where no feature needs one. */
  readonly tokenizer: string | null;
  readonly features: Readonly<Record<string, FeatureSpec>>;
  /** Values of a number feature that are kept as they are (default and most: 10,000). */
  readonly sample?: number;
}

/** What an event gives: by the features' names. Null and NaN are counted as missing; an absent one was not looked at, and is counted nowhere. */
export type SketchValues = Readonly<Record<string, number | string | readonly string[] | ArrayLike<number> | null | undefined>>;

/** Values that are kept of a number feature. */
export const mostSampled = 10_000;
/** Vectors that are kept: as many of each side as the discrepancy test takes. */
export const mostVectors = 1000;
/** Values of a category feature that have a count of their own, beside the known ones. */
export const mostCategories = 500;
/** Code units of a category's name that are kept. */
export const mostNameLength = 100;
