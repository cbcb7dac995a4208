/** A run as a row of a table: what it was, what it was given, what came of it, what people say of it. Plain data. */

/** `trial`: made by a search; `job`: a fine-tuning job of a client; `data`: everything before a training. */
export const runKinds = ["training", "tuning", "trial", "job", "evaluation", "data", "other"] as const;
export type RunKind = (typeof runKinds)[number];

/** Kinds that train a model. */
export const trainingKinds: readonly RunKind[] = ["training", "tuning", "trial", "job"];

export interface RunNote {
  readonly text: string;
  readonly by: string;
  /** Milliseconds since 1970. */
  readonly at: number;
}
export interface RunTag {
  readonly tag: string;
  readonly by: string;
  readonly at: number;
}
export interface RunAnnotation {
  readonly note: RunNote | null;
  /** In alphabetical order. */
  readonly tags: readonly RunTag[];
}

export type RunValue = string | number;

export interface RunRow extends RunAnnotation {
  /** Of the run; of the artifact where its run is not recorded. */
  readonly id: string;
  /** What it made, or will make where it trains; null of others that have not ended well. */
  readonly artifact: string | null;
  readonly stage: string;
  /** By the key of a column. */
  readonly values: Readonly<Record<string, RunValue>>;
  /** Units of its own numbers, where they have one. */
  readonly units: Readonly<Record<string, string>>;
}

/** `time`: milliseconds since 1970; `duration`: milliseconds. */
export type RunColumnType = "text" | "number" | "time" | "duration";

export interface RunColumn {
  readonly key: string;
  readonly type: RunColumnType;
  readonly of: "run" | "option" | "result";
  /** Null: none, or several, which each row then says (`units`). */
  readonly unit: string | null;
  /** Rows that have a value. */
  readonly count: number;
  readonly distinct: number;
}
