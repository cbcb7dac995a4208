/**
 * The ledger: why every dropped document is gone and what was changed in every kept one. Steps only report; the mixer decides; both end
 * here as plain lines, so that `explain` can tell a document's story without running anything again.
 */
import type { Attributes } from "./document.ts";

export type Measure = number | string | boolean;

/** A change of a text, by the rule that made it. */
export interface Edit {
  readonly rule: string;
  /** How often, or what. */
  readonly value: Measure;
}

/** A rule's judgement: the measured value beside the threshold it was held against. */
export interface Verdict {
  readonly rule: string;
  readonly keep: boolean;
  readonly value: Measure;
  readonly threshold: Measure;
  /** Smallest document id of the cluster of like documents. */
  readonly cluster?: string;
  /** The document that stays in this one's place. */
  readonly survivor?: string;
}

/** One line of the ledger. */
export interface LedgerEntry {
  readonly document: string;
  /** The step's name, or `read` for what the reader did. */
  readonly step: string;
  readonly action: "edit" | "drop";
  readonly rule: string;
  readonly value: Measure;
  readonly threshold?: Measure;
  readonly cluster?: string;
  readonly survivor?: string;
}

/** A record that never became a document. */
export interface SetAside {
  readonly place: string;
  readonly reason: string;
  readonly message: string;
}

export const editEntry = (document: string, step: string, edit: Edit): LedgerEntry => ({ document, step, action: "edit", ...edit });

export const dropEntry = (document: string, step: string, { keep: _, ...verdict }: Verdict): LedgerEntry => ({
  document,
  step,
  action: "drop",
  ...verdict,
});

/** Everything known of one document. */
export interface Story {
  readonly id: string;
  readonly source: string;
  readonly side: "train" | "held-out" | "dropped";
  readonly attributes: Attributes;
  readonly entries: readonly LedgerEntry[];
  readonly text: string;
}

const show = (value: Measure): string => (typeof value === "number" && !Number.isInteger(value) ? value.toFixed(3) : String(value));

/** A story for people, one line a fact, without the text. */
export function tellStory(story: Story): string {
  const lines = [`${story.id}  ${story.side}  (read from ${story.source})`];
  for (const [name, value] of Object.entries(story.attributes)) lines.push(`  ${name}: ${Array.isArray(value) ? value.join(", ") : value}`);
  for (const e of story.entries) {
    const limit = e.threshold === undefined ? "" : ` (threshold ${show(e.threshold)})`;
    const survivor = e.survivor === undefined ? "" : `; ${e.survivor} stays in its place`;
    lines.push(`  ${e.step}: ${e.action === "drop" ? "dropped by" : "edited by"} ${e.rule}: ${show(e.value)}${limit}${survivor}`);
  }
  return lines.join("\n");
}
