/** What is erased by age from a gateway's state, and what stays, as types alone. */

export interface OlderThan {
  readonly beforeMs: number;
  /** Subjects that stay. */
  readonly except: readonly string[];
}

/** Texts of decided review cases, requests of the journal, whose the usage of a day was. */
export type AgedState = "review" | "journal" | "usage";
