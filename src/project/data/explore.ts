/** What curation did, read from what is made: dropped documents, a document's whole story, other thresholds on the stored values. */
import {
  type Document,
  documentIds,
  explain,
  findDocuments,
  findId,
  type LedgerMeasure,
  ledgerLines,
  readMeasures,
  resolveId,
  type SetAside,
  type StepTrial,
  type Story,
  shownBy,
  tryThresholds,
} from "../../data/index.ts";
import { nearestHint, wrongArgument } from "../errors.ts";
import type { Workspace } from "../workspace.ts";
import { type DataSet, type DataSetState, openDataSet, stateOf } from "./data-set.ts";
import { findDocument, type KnownSet, knownSets } from "./find-document.ts";
import { type Whereabouts, whereabouts } from "./whereabouts.ts";

const openSet = async (at: Workspace, name: string | undefined): Promise<DataSet> => openDataSet(at.file, await at.store(), name);

interface Dropped extends Document {
  readonly dropped: {
    readonly step: string;
    readonly rule: string;
    readonly value: LedgerMeasure;
    readonly threshold: LedgerMeasure;
    readonly survivor?: string;
  };
}

/** A dropped document in a list: one line of its text. */
export interface DroppedDocument {
  readonly id: string;
  readonly source: string;
  readonly step: string;
  readonly rule: string;
  readonly value: LedgerMeasure;
  readonly threshold: LedgerMeasure;
  /** Of a copy: the one that stays. */
  readonly survivor?: string;
  readonly text: string;
}

export interface DropsOptions {
  /** Only those whose `step/rule` holds this. */
  readonly rule?: string | undefined;
  /** Documents listed, at most; default 20. */
  readonly most?: number | undefined;
}

export interface DroppedDocuments extends DataSetState {
  /** All of them, listed or not. */
  readonly count: number;
  readonly documents: readonly DroppedDocument[];
}

/** Errors: project/argument for a rule that dropped nothing, project/nothing. */
export async function droppedDocuments(
  at: Workspace,
  name: string | undefined,
  { rule, most = 20 }: DropsOptions = {},
): Promise<DroppedDocuments> {
  const set = await openSet(at, name);
  const shown = shownBy((await readMeasures(set.artifact))?.steps ?? []);
  const reasons = new Set<string>();
  const documents: DroppedDocument[] = [];
  let count = 0;
  for await (const line of ledgerLines(set.artifact, "dropped.jsonl")) {
    const d = JSON.parse(line) as Dropped;
    const { step, rule: own, value, threshold, survivor } = d.dropped;
    for (const known of [step, own, `${step}/${own}`]) reasons.add(known);
    if (rule !== undefined && !`${step}/${own}`.includes(rule)) continue;
    if (++count > most) continue;
    const why = { step, rule: own, value: shown.value(value), threshold, ...(survivor ? { survivor } : {}) };
    documents.push({ id: d.id, source: d.source, ...why, text: shown.line(d.text, step) });
  }
  if (rule !== undefined && count === 0) {
    const known = [...reasons].filter(r => r.includes("/")).join(", ") || "none did";
    throw wrongArgument(
      "loam data drops: --rule",
      `a rule or step that dropped something (${known})`,
      `"${rule}"`,
      nearestHint(rule, reasons),
    );
  }
  return { ...stateOf(set), count, documents };
}

/** A dropped document, whole; its id may be the beginning of one. Errors: project/argument where it was kept, data/unknownDocument, project/nothing. */
export async function droppedDocument(at: Workspace, name: string | undefined, given: string) {
  const set = await openSet(at, name);
  const id = resolveId(await documentIds(set.artifact), given, set.artifact.id);
  const { side, document } = (await findDocuments(set.artifact, new Set([id]))).get(id)!;
  if (side !== "dropped")
    throw wrongArgument(
      "loam data drops --show",
      "a dropped document",
      `${id}, which is on the ${side} side`,
      `\`loam data explain ${id} --text\` shows it.`,
    );
  const { attributes } = shownBy((await readMeasures(set.artifact))?.steps ?? []);
  return { set: stateOf(set), document: { ...(document as Dropped), attributes: attributes(document.attributes) } };
}

export interface ThresholdTrial {
  readonly step: string;
  /** Options and their new values. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** Examples of each kind; default 5. */
  readonly examples?: number | undefined;
}

/** Errors: project/nothing; data/trial, data/notMeasured; base/config for a value that the step refuses. */
export async function tryDataThresholds(
  at: Workspace,
  name: string | undefined,
  { step, settings, examples = 5 }: ThresholdTrial,
): Promise<DataSetState & StepTrial> {
  const set = await openSet(at, name);
  const trial = await tryThresholds(set.artifact, { step, settings: Object.entries(settings), examples });
  return { name: set.name, isStale: set.isStale, ...trial };
}

/** A record that never became a document is asked for by its place. */
async function setAsideAt({ artifact, name }: DataSet, place: string): Promise<SetAside | undefined> {
  for await (const line of ledgerLines(artifact, "set-aside.jsonl")) {
    const record = JSON.parse(line) as SetAside;
    if (record.place.startsWith(place) || `${name}:${record.place}`.startsWith(place)) return record;
  }
  return undefined;
}

/** The data set that holds the document, and its whole id; or the record that was set aside. */
async function findStory(
  sets: readonly KnownSet[],
  text: string,
): Promise<{ set: DataSet; id: string } | { set: DataSet; aside: SetAside }> {
  if (!sets.some(({ ids }) => findId(ids, text).id !== undefined))
    for (const { set } of sets) {
      const aside = await setAsideAt(set, text);
      if (aside) return { set, aside };
    }
  return findDocument(sets, text);
}

export type ExplainedDocument = { readonly set: DataSetState } & (
  | { readonly aside: SetAside }
  | {
      /** Steps, values beside thresholds, edits, copies, and its text as the last step left it. */
      readonly story: Story;
      /** Shards, tokens and models that it came into. */
      readonly where: Whereabouts;
    }
);

/** The whole story of a document, whichever data set of the project it is in. Errors: data/unknownDocument with the nearest id, project/nothing. */
export async function explainDocument(at: Workspace, document: string): Promise<ExplainedDocument> {
  const store = await at.store();
  const found = await findStory(await knownSets(at.file, store), document);
  const set = stateOf(found.set);
  if ("aside" in found) return { set, aside: found.aside };
  const story = await explain(found.set.artifact, found.id);
  return { set, story, where: await whereabouts(store, story.id) };
}
