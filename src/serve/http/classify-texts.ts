/** Texts to classes for every contract that classifies: the classifier's engine gives logits, and its kind says what they mean. */
import { type ClassifierConfig, groupThreshold, toldLabel } from "../../nn/index.ts";
import type { EmbeddingEngine } from "../embedding/embedding-engine.ts";
import { textTokens } from "../embedding/text-tokens.ts";
import { serveErrors } from "../errors.ts";
import { responseAccount } from "../response-account.ts";

export interface Classes {
  readonly labels: readonly string[];
  /** For each text a number a label: probabilities that add up to 1, probabilities of each label alone, or plain numbers. */
  readonly scores: readonly (readonly number[])[];
}
interface ToldClasses extends Classes {
  /** For each text the index of the label that it gets: the likeliest, or what the model's own threshold decides. */
  readonly told: readonly number[];
  /** Of a model with thresholds of groups, for each text the group whose threshold decided; null: the common threshold did. */
  readonly decidedBy?: readonly (string | null)[];
}

/** The group of each text, as its request names it. */
export type TextGroups = readonly (string | undefined)[];

const logistic = (x: number): number => 1 / (1 + Math.exp(-x));
/** Probabilities of classes of which one holds, from their logits. */
export function classProbabilities(logits: readonly number[]): number[] {
  const most = Math.max(...logits);
  const powers = logits.map(x => Math.exp(x - most));
  const total = powers.reduce((sum, x) => sum + x, 0);
  return powers.map(x => x / total);
}
const meanings = {
  one: classProbabilities,
  several: (logits: readonly number[]) => logits.map(logistic),
  value: (logits: readonly number[]) => [...logits],
};

/** Tokens, scores as calibrated, and the index of the label that each text gets. */
interface ReadClasses extends ToldClasses {
  readonly read: readonly (readonly number[])[];
}

/** Of `count` texts the groups that a request names: one for all of them, or one for each. Errors: serve/parameter for another number. */
export function textGroups(
  group: string | readonly (string | null)[] | null | undefined,
  count: number,
  place: string,
): TextGroups | undefined {
  if (group == null) return undefined;
  if (typeof group === "string") return Array.from({ length: count }, () => group);
  if (group.length === count) return group.map(g => g ?? undefined);
  throw serveErrors.fail("parameter", { place, expected: `${count} groups, as many as inputs`, received: String(group.length) });
}

/** Groups that a message names. */
const mostNamed = 20;

/** A model without thresholds of groups takes none. Errors: serve/parameter for a group that has no threshold, with those that have one. */
function checkedGroups({ groupThresholds }: ClassifierConfig, groups: TextGroups | undefined, place: string): TextGroups | undefined {
  if (!groupThresholds || !groups) return undefined;
  const strange = groups.find(g => g !== undefined && !groupThresholds.groups.some(known => known.group === g));
  if (strange === undefined) return groups;
  const known = groupThresholds.groups.map(g => g.group);
  throw serveErrors.fail("parameter", {
    place,
    expected: `a group by "${groupThresholds.attribute}": ${known.slice(0, mostNamed).join(", ")}${known.length > mostNamed ? `, ... (${known.length})` : ""}`,
    received: JSON.stringify(strange.slice(0, 60)),
    hint: "Leave the group out for the common threshold.",
  });
}

interface ClassifyOptions {
  readonly groups?: TextGroups | undefined;
  /** Where the request has them. */
  readonly place?: string;
}

async function readClasses(
  engine: EmbeddingEngine,
  texts: readonly string[],
  signal: AbortSignal,
  { groups: named, place = "group" }: ClassifyOptions = {},
): Promise<ReadClasses> {
  const { classifier } = engine.model.config;
  if (!classifier) throw new TypeError(`${engine.model.id} is no classifier`);
  const groups = checkedGroups(classifier, named, place);
  const read = texts.map(text => textTokens(engine.model, text, true));
  const logits = await engine.embed(read, signal);
  const scores = logits.map(row => meanings[classifier.kind](Array.from(row)));
  // thresholds are of the probabilities as they are: calibration changes no label
  const told = scores.map((row, i) => toldLabel(classifier, row, groups?.[i]));
  const { temperature } = engine.model;
  const shown = temperature === undefined ? scores : logits.map(row => classProbabilities(Array.from(row, x => x / temperature)));
  const decidedBy = texts.map((_, i) => (groupThreshold(classifier, groups?.[i]) ? groups![i]! : null));
  return { read, labels: classifier.labels, scores: shown, told, ...(classifier.groupThresholds ? { decidedBy } : {}) };
}

/**
 * What a text is, by an engine whose model is a classifier; a text that is too long is read from its start. Errors: those of the engine; serve/parameter
 * for a group without a threshold.
 */
export async function classifyTexts(
  engine: EmbeddingEngine,
  texts: readonly string[],
  signal: AbortSignal,
  o: ClassifyOptions = {},
): Promise<ToldClasses> {
  const { read, labels, scores, told, decidedBy } = await readClasses(engine, texts, signal, o);
  const account = responseAccount(signal);
  const isValue = engine.model.config.classifier?.kind === "value";
  if (account)
    for (const [i, tokens] of read.entries())
      account.read({ tokens, label: labels[told[i]!] ?? null, labels, probabilities: isValue ? null : scores[i]!, vector: null });
  return { labels, scores, told, ...(decidedBy ? { decidedBy } : {}) };
}

/** The same of texts that are no request of a client, such as one with words left out: monitors do not see them. */
export const classifyVariants = async (engine: EmbeddingEngine, texts: readonly string[], signal: AbortSignal): Promise<ToldClasses> =>
  readClasses(engine, texts, signal);
