/**
 * What is kept of a request and of what was said about it: numbers, classes, who said it. Rows merge in any order to the same row (a join semilattice:
 * associative, commutative, idempotent), so labels and requests may come late, twice, and over several servers.
 */
import { canonicalJson, type Json } from "../../base/index.ts";

/** What a classifier told of one text. */
export interface ClassReading {
  readonly label: string;
  /** Of the likeliest classes. */
  readonly probabilities: Readonly<Record<string, number>>;
}

/** What is remembered of a request until labels come. */
export interface RequestFacts {
  /** When its response ended, in ms since 1970. */
  readonly atMs: number;
  readonly model: string;
  /** Null where the model is no version. */
  readonly version: number | null;
  readonly readings: readonly ClassReading[];
  /** Mean negative log-probability of the answers' tokens in nats; null where none was computed. */
  readonly nll: number | null;
}

export interface FeedbackLabel {
  readonly source: string;
  /** Which text of the request. */
  readonly index: number;
  /** A class, or `sha256:` and the digest of a text. */
  readonly label: string | null;
  /** 0 to 1. */
  readonly score: number | null;
  /** How sure the source is, above 0 to 1. */
  readonly confidence: number;
  readonly isTrusted: boolean;
  readonly atMs: number;
}

export interface FeedbackRow {
  /** Null until the request is told. */
  readonly facts: RequestFacts | null;
  /** At most one in force of each source and text. */
  readonly labels: readonly FeedbackLabel[];
}

/** The newer of two; of the same time always the same one of them. */
function newer<T extends { readonly atMs: number }>(a: T, b: T): T {
  if (a.atMs !== b.atMs) return a.atMs > b.atMs ? a : b;
  return canonicalJson(a) >= canonicalJson(b) ? a : b;
}

const slotOf = ({ index, source }: FeedbackLabel): string => `${String(index).padStart(2, "0")}/${source}`;

/** Both rows of one request as one. */
export function mergeFeedback(a: FeedbackRow, b: FeedbackRow): FeedbackRow {
  const labels = new Map<string, FeedbackLabel>();
  for (const label of [...a.labels, ...b.labels]) {
    const slot = slotOf(label);
    const before = labels.get(slot);
    labels.set(slot, before ? newer(before, label) : label);
  }
  const facts = a.facts && b.facts ? newer(a.facts, b.facts) : (a.facts ?? b.facts);
  return { facts, labels: [...labels].sort(([x], [y]) => (x < y ? -1 : 1)).map(([, label]) => label) };
}

/** The label that a row already has in the slot of another. */
export const labelInSlot = (row: FeedbackRow, label: FeedbackLabel): FeedbackLabel | undefined =>
  row.labels.find(l => slotOf(l) === slotOf(label));

// interfaces have no index signature, which Json asks for
export const feedbackJson = ({ facts, labels }: FeedbackRow): Json => ({
  facts: facts && factsJson(facts),
  labels: labels.map(l => ({ ...l })),
});
export const factsJson = (facts: RequestFacts): Json => ({ ...facts, readings: facts.readings.map(r => ({ ...r })) });

/** What several sources say of one text. */
export interface AgreedTruth {
  readonly label: string | null;
  readonly score: number | null;
  /** A trusted source said it. Where one did, the others count for nothing. */
  readonly isTrusted: boolean;
  /** When the newest label that counts was given. */
  readonly atMs: number;
}

/** The class with most confidence behind it, and the mean score by confidence. Undefined where nobody said anything of the text. */
export function agreedTruth(labels: readonly FeedbackLabel[], index: number): AgreedTruth | undefined {
  const all = labels.filter(l => l.index === index);
  const trusted = all.filter(l => l.isTrusted);
  const counting = trusted.length > 0 ? trusted : all;
  if (counting.length === 0) return undefined;
  const votes = new Map<string, { weight: number; atMs: number }>();
  let [weight, sum] = [0, 0];
  for (const { label, score, confidence, atMs } of counting) {
    if (label !== null) {
      const before = votes.get(label) ?? { weight: 0, atMs: 0 };
      votes.set(label, { weight: before.weight + confidence, atMs: Math.max(before.atMs, atMs) });
    }
    if (score !== null) [weight, sum] = [weight + confidence, sum + confidence * score];
  }
  const [best] = [...votes].sort(([x, a], [y, b]) => b.weight - a.weight || b.atMs - a.atMs || (x < y ? -1 : 1));
  return {
    label: best?.[0] ?? null,
    score: weight > 0 ? sum / weight : null,
    isTrusted: trusted.length > 0,
    atMs: Math.max(...counting.map(l => l.atMs)),
  };
}
