/**
 * The ledger: why every dropped document is gone and what was changed in every kept one. Steps only report; the mixer decides; both end
 * here as plain lines, so that `explain` can tell a document's story without running anything again.
 */
import type { DocumentAttributes } from "./document.ts";

export type LedgerMeasure = number | string | boolean;

/** A change of a text, by the rule that made it. */
export interface LedgerEdit {
  readonly rule: string;
  /** How often, or what. */
  readonly value: LedgerMeasure;
}

/** A rule's judgement: the measured value beside the threshold it was held against. */
export interface StepVerdict {
  readonly rule: string;
  readonly keep: boolean;
  readonly value: LedgerMeasure;
  readonly threshold: LedgerMeasure;
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
  /** `keep`: it would have been dropped, and the user's `keep:` overruled it. */
  readonly action: "edit" | "drop" | "keep";
  readonly rule: string;
  readonly value: LedgerMeasure;
  readonly threshold?: LedgerMeasure;
  readonly cluster?: string;
  readonly survivor?: string;
}

/** A record that never became a document. */
export interface SetAside {
  readonly place: string;
  readonly reason: string;
  readonly message: string;
}

export const editEntry = (document: string, step: string, edit: LedgerEdit): LedgerEntry => ({ document, step, action: "edit", ...edit });

const verdictEntry =
  (action: "drop" | "keep") =>
  (document: string, step: string, { keep: _, ...verdict }: StepVerdict): LedgerEntry => ({ document, step, action, ...verdict });
export const dropEntry = verdictEntry("drop");
export const keepEntry = verdictEntry("keep");

export type LedgerSide = "train" | "held-out" | "dropped";

export type StoryVerdict = Pick<StepVerdict, "rule" | "keep" | "value" | "threshold">;

/** What one step found and did. */
export interface StoryStep {
  readonly step: string;
  /** `overruled`: a verdict said no, and `keep:` of the project names the document. */
  readonly outcome: "passed" | "dropped" | "overruled" | "not reached";
  readonly verdicts: readonly StoryVerdict[];
  readonly edits: readonly LedgerEdit[];
}

/** Documents that are alike, over several links too: those that went, each with the one that stays in its place. */
export interface Cluster {
  readonly survivors: readonly string[];
  readonly members: readonly {
    readonly id: string;
    readonly step: string;
    readonly rule: string;
    readonly value: LedgerMeasure;
    readonly survivor: string;
  }[];
}

/** Everything known of one document. */
export interface Story {
  readonly id: string;
  readonly source: string;
  readonly side: LedgerSide;
  readonly attributes: DocumentAttributes;
  readonly entries: readonly LedgerEntry[];
  /** As it was after the last step that saw it. */
  readonly text: string;
  /** In the order of the steps; absent where the artifact is of a time before values were kept. */
  readonly steps?: readonly StoryStep[];
  readonly cluster?: Cluster;
  /** Near-duplicates that the split kept on one side, this one among them. */
  readonly group?: readonly string[];
}

export const showMeasure = (value: LedgerMeasure): string =>
  typeof value === "number" && !Number.isInteger(value)
    ? Math.abs(value) < 0.001
      ? value.toExponential(1)
      : value.toFixed(3)
    : String(value);

/** Members of a cluster or group that are listed. */
const listed = 12;

function tellSteps(steps: readonly StoryStep[], entries: readonly LedgerEntry[]): string[] {
  const lines = entries.filter(e => e.step === "read").map(e => `  read: edited by ${e.rule}: ${showMeasure(e.value)}`);
  for (const s of steps) {
    const survivor = s.outcome === "dropped" && entries.find(e => e.action === "drop" && e.step === s.step)?.survivor;
    const outcome = s.outcome === "overruled" ? "kept, because `keep:` names it" : s.outcome;
    lines.push(`  ${s.step}: ${outcome}${survivor ? `; ${survivor} stays in its place` : ""}`);
    for (const e of s.edits) lines.push(`    edited  ${e.rule.padEnd(28)} ${showMeasure(e.value)}`);
    for (const v of s.verdicts)
      lines.push(
        `    ${v.keep ? "ok    " : "no    "}  ${v.rule.padEnd(28)} ${showMeasure(v.value).padEnd(12)} threshold ${showMeasure(v.threshold)}`,
      );
  }
  return lines;
}

function tellEntries(entries: readonly LedgerEntry[]): string[] {
  const did = { drop: "dropped by", edit: "edited by", keep: "kept against" } as const;
  return entries.map(e => {
    const limit = e.threshold === undefined ? "" : ` (threshold ${showMeasure(e.threshold)})`;
    const survivor = e.survivor === undefined ? "" : `; ${e.survivor} stays in its place`;
    return `  ${e.step}: ${did[e.action]} ${e.rule}: ${showMeasure(e.value)}${limit}${survivor}`;
  });
}

/** A story for people, one line a fact, without the text. */
export function tellStory({ id, side, source, attributes, entries, steps, cluster, group }: Story): string {
  const lines = [`${id}  ${side}  (read from ${source})`];
  for (const [name, value] of Object.entries(attributes)) lines.push(`  ${name}: ${Array.isArray(value) ? value.join(", ") : value}`);
  lines.push(...(steps ? tellSteps(steps, entries) : tellEntries(entries)));
  if (cluster) {
    const mark = (other: string) => `${other}${other === id ? " (this one)" : ""}`;
    const [first, ...more] = cluster.survivors;
    const stay = more.length === 0 ? `${mark(first!)} stays` : `${cluster.survivors.length} stay`;
    lines.push(`  copies: ${cluster.members.length + cluster.survivors.length} alike; ${stay}`);
    // The one asked for is always among those that are listed.
    const members = [...cluster.members].sort((a, b) => Number(b.id === id) - Number(a.id === id));
    for (const m of members.slice(0, listed))
      lines.push(`    ${mark(m.id)}  ${m.rule} ${showMeasure(m.value)}${more.length > 0 ? `; ${mark(m.survivor)} stays` : ""}`);
    if (cluster.members.length > listed) lines.push(`    ... and ${cluster.members.length - listed} more`);
  }
  if (group && group.length > 1) {
    lines.push(`  near-duplicates on the same side: ${group.length}`);
    for (const other of group.filter(g => g !== id).slice(0, listed)) lines.push(`    ${other}`);
  }
  return lines.join("\n");
}
