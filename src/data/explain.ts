/**
 * A document's story out of a documents artifact: nothing is run again. Ids may be cut short; one that nobody bears names the nearest.
 * The text before an edit is not stored: the source has it.
 */
import { defined, nearest } from "../base/index.ts";
import type { ArtifactReader } from "../store/index.ts";
import { type Document, textLines } from "./document.ts";
import { dataErrors } from "./errors.ts";
import type { Cluster, LedgerEntry, LedgerSide, Story, StoryStep, StoryVerdict } from "./ledger.ts";
import { decodeColumn, fate, fatesFile, findPlace, type MeasuresInfo, measuredIdsFile, measuresFile } from "./measures.ts";
import { shownBy } from "./shown.ts";

const has = (artifact: ArtifactReader, file: string): boolean => artifact.files.some(f => f.name === file);

/** What augmentation did; there where it ran. */
export const augmentationFile = "augmentation.json";

/** Lines of a file of an artifact that are not empty. */
export async function* ledgerLines(artifact: ArtifactReader, file: string): AsyncGenerator<string> {
  for await (const line of textLines(artifact.stream(file))) if (line !== "") yield line;
}

/** What was measured; undefined where the artifact is of a time before that was kept. */
export async function readMeasures(artifact: ArtifactReader): Promise<MeasuresInfo | undefined> {
  if (!has(artifact, measuresFile)) return undefined;
  return JSON.parse((await artifact.read(measuresFile)).toString("utf8")) as MeasuresInfo;
}

const idOfLine = (line: string): string =>
  (JSON.parse(`${/^\{"id":"(?:[^"\\]|\\.)*"/.exec(line)?.[0] ?? '{"id":""'}}`) as { id: string }).id;

/** Ids of the documents of a file, none where the artifact has no such file. */
async function* idsOfFile(artifact: ArtifactReader, file: string): AsyncGenerator<string> {
  if (has(artifact, file)) for await (const line of ledgerLines(artifact, file)) yield idOfLine(line);
}

/** Ids of all documents that went through the steps, kept and dropped, sorted: what places in `measures/` count. */
export async function measuredIds(artifact: ArtifactReader): Promise<string[]> {
  const ids: string[] = [];
  if (has(artifact, measuredIdsFile)) {
    for await (const id of ledgerLines(artifact, measuredIdsFile)) ids.push(id);
    return ids;
  }
  // documents that a later stage chose (of a purpose, of a round of a loop, of a trial) have no ledger, some no members
  if (has(artifact, "members.txt")) for await (const id of ledgerLines(artifact, "members.txt")) ids.push(id);
  else
    for (const file of ["train.jsonl", "held-out.jsonl", "validation.jsonl"])
      for await (const id of idsOfFile(artifact, file)) ids.push(id);
  for await (const id of idsOfFile(artifact, "dropped.jsonl")) ids.push(id);
  return ids.sort((a, b) => (a < b ? -1 : 1));
}

/** Ids of all documents, kept and dropped, and of the variants that augmentation made, sorted. */
export async function documentIds(artifact: ArtifactReader): Promise<string[]> {
  const ids = await measuredIds(artifact);
  if (!has(artifact, augmentationFile)) return ids;
  const known = new Set(ids);
  for await (const id of ledgerLines(artifact, "members.txt")) if (!known.has(id)) ids.push(id);
  return ids.sort((a, b) => (a < b ? -1 : 1));
}

/** Where in sorted ids `text` is or would be. */
function placeOf(ids: readonly string[], text: string): number {
  let [low, high] = [0, ids.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ids[middle]! < text) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Ids compared in full with one that is not known; of more, those around where it would stand. */
const compared = 20_000;

/** The id that looks most like `text`, or begins most like it. */
function nearestId(ids: readonly string[], text: string): string | undefined {
  const name = ids[0]?.slice(0, ids[0].indexOf(":") + 1) ?? "";
  const whole = text.includes(":") ? text : `${name}${text}`;
  const at = placeOf(ids, whole);
  const common = (id: string) => {
    let n = 0;
    while (n < id.length && id[n] === whole[n]) n++;
    return n;
  };
  const beside = [ids[at - 1], ids[at]].filter(id => id !== undefined).sort((a, b) => common(b) - common(a))[0];
  if (beside && common(beside) > whole.length * 0.7) return beside;
  const around = ids.slice(Math.max(0, at - compared / 2), at + compared / 2);
  // A beginning is compared with beginnings.
  const heads = new Map(around.map(id => [id.slice(0, whole.length + 1), id]));
  const near = nearest(whole, heads.keys());
  return near === undefined ? beside : heads.get(near);
}

/** The id of which `text` is the whole or the beginning; without the data set's name in front too. Undefined where there is none or several. */
export function findId(ids: readonly string[], text: string): { readonly id?: string; readonly several: readonly string[] } {
  const name = ids[0]?.slice(0, ids[0].indexOf(":") + 1) ?? "";
  for (const wanted of text.startsWith(name) ? [text] : [`${name}${text}`, text]) {
    const at = placeOf(ids, wanted);
    if (ids[at] === wanted) return { id: wanted, several: [] };
    const several: string[] = [];
    for (let i = at; i < ids.length && several.length < 10 && ids[i]!.startsWith(wanted); i++) several.push(ids[i]!);
    if (several.length === 1) return { id: several[0]!, several: [] };
    if (several.length > 1) return { several };
  }
  return { several: [] };
}

/** `findId`, or the error that says which ids would do. Errors: `data/unknownDocument`. */
export function resolveId(ids: readonly string[], text: string, place: string): string {
  const { id, several } = findId(ids, text);
  if (id !== undefined) return id;
  if (several.length > 0)
    throw dataErrors.fail("unknownDocument", {
      place,
      expected: "the beginning of one id",
      received: `"${text}", with which ${several.length === 10 ? "10 or more" : several.length} begin: ${several.slice(0, 3).join(", ")}, ...`,
      hint: "Type more of it.",
    });
  const near = nearestId(ids, text);
  throw dataErrors.fail("unknownDocument", {
    place,
    expected: "the id of a document that was read, or the beginning of one",
    received: `"${text}"`,
    hint: near ? `Did you mean "${near}"?` : "Ids are listed in members.txt (kept) and dropped.jsonl.",
  });
}

const files = { train: "train.jsonl", "held-out": "held-out.jsonl", dropped: "dropped.jsonl" } as const;

/** Documents by id, from wherever they ended up. A line is parsed only if it is one of them. */
export async function findDocuments(
  artifact: ArtifactReader,
  ids: ReadonlySet<string>,
): Promise<Map<string, { readonly side: LedgerSide; readonly document: Document }>> {
  const found = new Map<string, { side: LedgerSide; document: Document }>();
  for (const side of ["train", "held-out", "dropped"] as const) {
    if (found.size === ids.size) break;
    for await (const line of ledgerLines(artifact, files[side])) {
      const id = idOfLine(line);
      if (!ids.has(id)) continue;
      found.set(id, { side, document: JSON.parse(line) as Document });
      if (found.size === ids.size) break;
    }
  }
  return found;
}

/** Verdicts on one document, by the step's place. */
async function verdictsOn(artifact: ArtifactReader, info: MeasuresInfo, place: number): Promise<Map<number, StoryVerdict[]>> {
  const verdicts = new Map<number, StoryVerdict[]>();
  for (const c of info.columns) {
    const column = decodeColumn(c, await artifact.read(c.file));
    const i = findPlace(column, place);
    if (i < 0) continue;
    const verdict = {
      rule: c.rule,
      keep: column.keeps[i] === 1,
      value: column.values[i]!,
      threshold: c.threshold ?? column.thresholds![i]!,
    };
    verdicts.set(c.position, [...(verdicts.get(c.position) ?? []), verdict]);
  }
  return verdicts;
}

/** A cluster's name: the step's, or the one that stays. */
export const clusterKey = (e: LedgerEntry): string | undefined =>
  e.action === "drop" && e.survivor !== undefined ? (e.cluster ?? e.survivor) : undefined;

/** The documents that this one is alike to: those that went, and those that stay in their place. */
function clusterOf(id: string, ledger: readonly LedgerEntry[]): Cluster | undefined {
  const own = ledger.find(e => clusterKey(e) !== undefined && (e.document === id || e.survivor === id));
  if (!own) return undefined;
  const members = ledger
    .filter(e => clusterKey(e) === clusterKey(own))
    .map(({ document, rule, value, step, survivor }) => ({ id: document, step, rule, value, survivor: survivor! }));
  return { survivors: [...new Set(members.map(m => m.survivor))].sort(), members };
}

/** The story of the document whose id, or its beginning, is `text`. Errors: `data/unknownDocument`. */
export async function explain(artifact: ArtifactReader, text: string): Promise<Story> {
  const ids = await documentIds(artifact);
  const id = resolveId(ids, text, artifact.id);
  const { side, document } = (await findDocuments(artifact, new Set([id]))).get(id)!;
  const ledger: LedgerEntry[] = [];
  // Lines about it, and lines that name it or its survivor: the rest is not parsed.
  for await (const line of ledgerLines(artifact, "ledger.jsonl"))
    if (line.includes('"survivor":') || line.includes(JSON.stringify(id))) ledger.push(JSON.parse(line) as LedgerEntry);
  const entries = ledger.filter(e => e.document === id);
  const cluster = clusterOf(id, ledger);
  const near = document.attributes.cluster;
  const info = await readMeasures(artifact);
  const shown = shownBy(info?.steps ?? []);
  const story = {
    id,
    source: document.source,
    side,
    attributes: shown.attributes(document.attributes),
    entries,
    text: document.text,
    ...defined({ cluster }),
    ...(typeof near === "string" ? { group: await groupOf(artifact, near) } : {}),
  };
  if (!info) return story;
  const measured = await measuredIds(artifact);
  const place = placeOf(measured, id);
  // A variant was read nowhere and went through no step; its attributes name its parent.
  if (measured[place] !== id) return story;
  const end = (await artifact.read(fatesFile))[place]!;
  const last = end >= fate.firstDrop ? end - fate.firstDrop : info.steps.length - 1;
  const verdicts = await verdictsOn(artifact, info, place);
  const steps = info.steps.map((s): StoryStep => {
    const own = entries.filter(e => e.step === s.step);
    return {
      step: s.step,
      outcome:
        s.position > last
          ? "not reached"
          : s.position === last && end >= fate.firstDrop
            ? "dropped"
            : own.some(e => e.action === "keep")
              ? "overruled"
              : "passed",
      verdicts: verdicts.get(s.position) ?? [],
      edits: own.filter(e => e.action === "edit").map(({ rule, value }) => ({ rule, value })),
    };
  });
  return { ...story, steps };
}

/** Ids of a group of near-duplicates that the split kept on one side. */
async function groupOf(artifact: ArtifactReader, cluster: string): Promise<string[]> {
  const mark = `"cluster":${JSON.stringify(cluster)}`;
  const ids: string[] = [];
  for (const side of ["train", "held-out"] as const)
    for await (const line of ledgerLines(artifact, files[side])) if (line.includes(mark)) ids.push(idOfLine(line));
  return ids;
}
