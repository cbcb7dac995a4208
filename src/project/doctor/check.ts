/** One thing that `loam doctor` looks at. */

/** `warn`: works, with a cost that is named. `missing`: something that is optional is not there. `bad`: Loam cannot work. */
export type CheckState = "ok" | "warn" | "missing" | "bad";

export interface Finding {
  readonly state: CheckState;
  /** What was found, for people. */
  readonly found: string;
  /** What it costs, or how to get what is missing. */
  readonly hint?: string;
  /** The same for machines. */
  readonly data?: Readonly<Record<string, unknown>>;
}

export interface Check {
  readonly name: string;
  look(place: CheckedPlace): Finding | Promise<Finding>;
}

/** What checks are about besides the machine. */
export interface CheckedPlace {
  /** The folder that was asked about. */
  readonly folder: string;
  /** Where its record lies, when that is a folder. */
  readonly store: string | undefined;
}

export const checkRow = (name: string, look: Check["look"]): Check => ({ name, look });
