/**
 * What each step did to a document's text, as differences: the text before an edit is not stored, so the record is read from its source again and the steps
 * that edited it are applied to it once more. That is possible for steps that look at one document; an edit by a step that compares documents is shown as
 * what lies between the last text that is known and the stored one. Nothing is shown where the source, a file that a step needs or a step has changed since.
 * Private data stays masked on both sides.
 */
import { isLoamError } from "../../base/index.ts";
import type { ArtifactReader } from "../../store/index.ts";
import { type Document, textLines } from "../document.ts";
import { readMeasures } from "../explain.ts";
import type { Story } from "../ledger.ts";
import { type DiffLine, lineDiff } from "../line-diff.ts";
import type { StepCount } from "../measures.ts";
import type { Resources } from "../resources.ts";
import { type Shown, shownBy } from "../shown.ts";
import type { ManifestEntry } from "../sources/file.ts";
import { type NamedSource, openSources } from "../sources/several.ts";
import type { DataStep } from "../steps/step.ts";
import { steps as allSteps } from "../steps/steps.ts";

interface ChangedText {
  /** The step that changed the text; of several that cannot be told apart, all of them. */
  readonly steps: readonly string[];
  readonly lines: readonly DiffLine[];
  /** Characters before and after. */
  readonly before: number;
  readonly after: number;
}

export interface DocumentHistory {
  readonly changes: readonly ChangedText[];
  /** Why differences are missing; null where none are. */
  readonly missing: string | null;
}

interface DocumentHistoryOptions {
  readonly documents: ArtifactReader;
  /** The artifact with the list of source files. */
  readonly source: ArtifactReader;
  readonly sources: readonly NamedSource[];
  /** The project's folder. */
  readonly folder: string;
  readonly resources: Resources;
}

/** Records of a file that are read for one of them. */
const mostRecords = 200_000;
/** Lines of a difference that are shown. */
const mostLines = 400;

/** Files that may hold a place: the file itself, or what stands before `:12` or `#7`. */
async function filesFor(source: ArtifactReader, place: string): Promise<ManifestEntry[]> {
  const found: ManifestEntry[] = [];
  for await (const line of textLines(source.stream("files.jsonl"))) {
    const entry = JSON.parse(line) as ManifestEntry;
    const path = entry.of === undefined ? entry.path : `${entry.of}/${entry.path}`;
    if (place.startsWith(path)) found.push(entry);
  }
  // the longest name is the nearest
  return found.sort((a, b) => b.path.length - a.path.length);
}

/** The document as its source has it. Errors: data/sourceChanged, data/sourceMissing. */
async function sourceDocument({ source, sources, folder }: DocumentHistoryOptions, story: Story): Promise<Document | undefined> {
  const entries = await filesFor(source, story.source);
  if (entries.length === 0) return undefined;
  const open = await openSources(sources, folder);
  try {
    let read = 0;
    for (const entry of entries)
      for await (const record of open.records(entry)) {
        if (record.ok && record.place === story.source)
          return { id: story.id, text: record.text, source: record.place, attributes: record.attributes };
        if (++read >= mostRecords) return undefined;
      }
    return undefined;
  } finally {
    await open.close();
  }
}

/** Steps whose edits of this document the ledger names, in their order. */
function editingSteps(steps: readonly StepCount[], story: Story): StepCount[] {
  return steps.filter(s => story.entries.some(e => e.action === "edit" && e.step === s.step));
}

async function applyStep(step: DataStep, counted: StepCount, document: Document, resources: Resources): Promise<Document> {
  const options = step.options.parse(counted.options);
  const state = await step.prepare?.(options, resources);
  const applied =
    step.kind === "document"
      ? step.apply(document, options, state)
      : step.kind === "tagger"
        ? (await step.tag([document], options, state))[0]
        : {};
  const { text = document.text, attributes } = applied ?? {};
  return { ...document, text, attributes: { ...document.attributes, ...attributes } };
}

const changeOf = (shown: Shown, steps: readonly string[], before: string, after: string): ChangedText => ({
  steps,
  lines: lineDiff(shown.masked(before), shown.masked(after)).slice(0, mostLines),
  before: before.length,
  after: after.length,
});

/** What is said where something is no longer as it was. */
const changedSince = (what: string): DocumentHistory => ({
  changes: [],
  missing: `${what} has changed since these documents were made: \`loam data run\` rebuilds them, with differences that can be shown.`,
});

async function replay(
  o: DocumentHistoryOptions,
  story: Story,
  read: Document,
  steps: readonly StepCount[],
  shown: Shown,
): Promise<DocumentHistory> {
  const changes: ChangedText[] = [];
  let now = read;
  const left = [...steps];
  for (let counted = left[0]; counted; counted = left[0]) {
    const step: DataStep = allSteps[counted.step as keyof typeof allSteps];
    if (step.kind === "corpus") break;
    if (step.version !== counted.version) return changedSince(`The step ${counted.step}`);
    const next = await applyStep(step, counted, now, o.resources);
    if (next.text !== now.text) changes.push(changeOf(shown, [counted.step], now.text, next.text));
    now = next;
    left.shift();
  }
  if (left.length === 0) return now.text === story.text ? { changes, missing: null } : changedSince("What a step needs, or Loam,");
  const rest = left.map(s => s.step);
  return { changes: [...changes, changeOf(shown, rest, now.text, story.text)], missing: null };
}

/** Differences by step, in their order; `missing` where they cannot be shown. Errors: those of reading. */
export async function documentHistory(o: DocumentHistoryOptions, story: Story): Promise<DocumentHistory> {
  const info = await readMeasures(o.documents);
  if (!info) return { changes: [], missing: "Steps were not kept when these documents were made." };
  const steps = editingSteps(info.steps, story);
  if (steps.length === 0) return { changes: [], missing: null };
  const shown = shownBy(info.steps);
  if (steps.some(s => !(s.step in allSteps))) return changedSince("Loam");
  try {
    const read = await sourceDocument(o, story);
    return read ? await replay(o, story, read, steps, shown) : changedSince("The source");
  } catch (error) {
    if (!isLoamError(error)) throw error;
    return { changes: [], missing: `The text before the edits cannot be read: ${error.message}` };
  }
}
