/**
 * What a call of the library tells while it works: plain, typed events. `--json` prints the same, one a line. Names and fields of version 1 stay;
 * fields may be added.
 */
import type { ProgressEvent } from "../base/index.ts";
import type { Summary } from "../store/index.ts";

/** How far a stage is. Of those that nobody has read yet only the newest of a label is kept. */
export interface ProgressTold extends ProgressEvent {
  readonly event: "progress";
  /** What people call it: `data/mail`, `mail-small`. */
  readonly label: string;
}

/** A stage is over: it ran, or what it would make was there already. */
export interface StageTold {
  readonly event: "stage";
  readonly label: string;
  readonly stage: string;
  readonly action: "made" | "reused";
  /** Identifier of the artifact. */
  readonly artifact: string;
  readonly summary: Summary;
  readonly tookMs: number;
}

/** Something went otherwise than hoped, and the call goes on. */
export interface WarningTold {
  readonly event: "warning";
  /** One sentence for people. */
  readonly message: string;
}

export type ProjectEvent = ProgressTold | StageTold | WarningTold;
