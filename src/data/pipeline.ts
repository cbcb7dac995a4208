/**
 * One pass of curation: records through the steps to two sides, with the ledger. Document steps run as records arrive; a corpus step is a
 * barrier. Documents are held in memory between barriers; steps themselves keep only what they need, so that an executor over files or
 * workers can take this one's place.
 */
import { nearest, sha256 } from "../base/index.ts";
import type { Document } from "./document.ts";
import { sizeOf } from "./document.ts";
import { dataErrors } from "./errors.ts";
import { dropEntry, editEntry, keepEntry, type LedgerEntry, type SetAside, type Verdict } from "./ledger.ts";
import { type EncodedColumn, fate, measureRecorder, type StepCount } from "./measures.ts";
import { mix } from "./mix.ts";
import type { ReadRecord } from "./sources/source.ts";
import type { Applied, Judgement, Step } from "./steps/step.ts";
import { steps as allSteps, type ChosenStep } from "./steps/steps.ts";

/** A document that did not stay, as it was when the step judged it. */
export interface Dropped {
  readonly document: Document;
  readonly step: string;
  readonly verdict: Verdict;
}

/** Every verdict, and what became of every document. */
export interface Measured {
  /** Kept and dropped, sorted. */
  readonly ids: readonly string[];
  /** A byte a document, in that order: see `fate`; all that are kept are `fate.train` until the split. */
  readonly fates: Uint8Array;
  /** Can be gone through once. */
  readonly columns: Iterable<EncodedColumn>;
}

export interface Curated {
  /** In the order of their ids. */
  readonly kept: readonly Document[];
  readonly dropped: readonly Dropped[];
  readonly setAside: readonly SetAside[];
  readonly ledger: readonly LedgerEntry[];
  /** Records read, well or badly. */
  readonly read: number;
  readonly steps: readonly StepCount[];
  readonly measured: Measured;
}

/** How far a pass is. */
export interface CurateProgress {
  /** What works now: `read to length` while records come (all document steps up to there), then each step from the first barrier on. */
  readonly phase: string;
  /** Records read. */
  readonly read: number;
  /** Documents of this phase done, and of how many where that is known. */
  readonly documents: number;
  readonly of: number | undefined;
  /** UTF-8 bytes of text that this phase has seen. */
  readonly bytes: number;
  readonly kept: number;
  readonly dropped: number;
  readonly setAside: number;
}

export interface CurateOptions {
  /** Prefix of document ids. */
  readonly name: string;
  readonly steps: readonly ChosenStep[];
  /** A count from 1 up, or a share below 1. */
  readonly maxBad: number;
  /** Ids of documents that stay whatever the steps say. */
  readonly keep?: readonly string[];
  readonly signal?: AbortSignal;
  /** Called often, and at least at the end of every phase. */
  readonly onProgress?: (progress: CurateProgress) => void;
}

/** Documents between two calls of `onProgress`. */
const progressEvery = 64;

/** A share of bad records is judged from this many on: of three records one is no pattern yet. */
const minForShare = 200;

/** Ids are lines of files and arguments of commands: a key that would not fit there is named by its hash. */
const maxKeyLength = 512;
const tidyKey = (key: string) =>
  key.length <= maxKeyLength && !/[\p{Cc}\p{Surrogate}]/u.test(key) && key !== "" ? key : `#${sha256(key).slice(0, 16)}`;

const byId = (a: Document, b: Document) => (a.id < b.id ? -1 : 1);

/** A document under way, with its number in the order of reading. */
interface Going {
  readonly document: Document;
  readonly number: number;
}

type Count = { -readonly [K in keyof StepCount]: StepCount[K] };

/** Runs records through steps. Errors: `data/tooManyBad`, `data/noDocuments`, `data/unknownDocument`, the abort signal's reason. */
export async function curate(records: AsyncIterable<ReadRecord>, options: CurateOptions): Promise<Curated> {
  const ledger: LedgerEntry[] = [];
  const dropped: Dropped[] = [];
  const setAside: SetAside[] = [];
  const times = new Map<string, number>();
  /** By number. */
  const ids: string[] = [];
  const ends: number[] = [];
  const named = new Set(options.keep);
  const recorder = measureRecorder();
  const counts = options.steps.map(
    ({ step, version, options: o }, position): Count => ({
      position,
      step,
      version,
      kind: allSteps[step].kind,
      options: o,
      seen: 0,
      dropped: 0,
      edited: 0,
      spared: 0,
    }),
  );
  let kept: Going[] = [];
  let read = 0;

  const checkBad = (end: boolean) => {
    const { maxBad } = options;
    const limit = maxBad >= 1 || maxBad === 0 ? maxBad : end || read >= minForShare ? maxBad * read : Number.POSITIVE_INFINITY;
    if (setAside.length <= limit) return;
    const shown = setAside.slice(0, 3).map(s => `${s.place} (${s.reason}: ${s.message})`);
    throw dataErrors.fail("tooManyBad", {
      place: options.name,
      expected: `at most ${maxBad >= 1 || maxBad === 0 ? `${maxBad} records` : `${maxBad * 100} % of records`} that cannot be read`,
      received: `${setAside.length} of ${read}: ${shown.join("; ")}`,
      hint: "Check the reader and its options, or raise maxBad.",
    });
  };

  let phase = { name: "", documents: 0, of: undefined as number | undefined, bytes: 0, kept: 0 };
  const say = () =>
    options.onProgress?.({
      phase: phase.name,
      read,
      documents: phase.documents,
      of: phase.of,
      bytes: phase.bytes,
      kept: phase.kept,
      dropped: dropped.length,
      setAside: setAside.length,
    });
  const saw = (text: string) => {
    if (!options.onProgress) return;
    phase.bytes += sizeOf(text);
    if (++phase.documents % progressEvery === 0) say();
  };
  const begin = (name: string, of?: number) => {
    phase = { name, documents: 0, of, bytes: 0, kept: kept.length };
    say();
  };

  /** Takes a judgement into account; undefined when the document goes. */
  const settle = ({ document, number }: Going, count: Count, judgement: Judgement | undefined): Going | undefined => {
    const judged = judgement?.attributes ? { ...document, attributes: { ...document.attributes, ...judgement.attributes } } : document;
    if (judgement?.verdicts) recorder.record(number, count.position, count.step, judgement.verdicts);
    const { drop, overruled } = mix(judgement?.verdicts, named.has(document.id));
    if (overruled) {
      count.spared++;
      ledger.push(keepEntry(document.id, count.step, overruled));
    }
    if (!drop) return judged === document ? { document, number } : { document: judged, number };
    count.dropped++;
    ends[number] = fate.firstDrop + count.position;
    dropped.push({ document: judged, step: count.step, verdict: drop });
    ledger.push(dropEntry(document.id, count.step, drop));
    return undefined;
  };

  /** The same, with what a step changed in the text. */
  const settleApplied = ({ document, number }: Going, count: Count, applied: Applied): Going | undefined => {
    if (applied.edits?.length) count.edited++;
    for (const e of applied.edits ?? []) ledger.push(editEntry(document.id, count.step, e));
    return settle({ document: applied.text === undefined ? document : { ...document, text: applied.text }, number }, count, applied);
  };

  const applyStep = (going: Going, count: Count): Going | undefined => {
    const step: Step = allSteps[options.steps[count.position]!.step];
    if (step.kind === "corpus") return going;
    count.seen++;
    return settleApplied(going, count, step.apply(going.document, count.options));
  };

  const firstBarrier = counts.findIndex(c => c.kind === "corpus");
  const ahead = firstBarrier < 0 ? counts : counts.slice(0, firstBarrier);
  const behind = counts.slice(ahead.length);

  begin(["read", ...ahead.slice(-1).map(c => c.step)].join(" to "));
  for await (const record of records) {
    options.signal?.throwIfAborted();
    read++;
    if (!record.ok) {
      const { place, reason, message } = record;
      setAside.push({ place, reason, message });
      checkBad(false);
      continue;
    }
    // Records of equal content in one file share a key; a number tells them apart.
    const base = `${options.name}:${tidyKey(record.key)}`;
    const time = (times.get(base) ?? 0) + 1;
    times.set(base, time);
    const id = time === 1 ? base : `${base}~${time}`;
    const number = ids.push(id) - 1;
    ends.push(fate.train);
    for (const e of record.edits) ledger.push(editEntry(id, "read", e));
    saw(record.text);
    let going: Going | undefined = { document: { id, text: record.text, source: record.place, attributes: record.attributes }, number };
    for (const count of ahead) going &&= applyStep(going, count);
    if (!going) continue;
    kept.push(going);
    phase.kept++;
  }
  say();
  checkBad(true);
  checkNamed(options, ids);

  for (const count of behind) {
    options.signal?.throwIfAborted();
    const step: Step = allSteps[options.steps[count.position]!.step];
    begin(step.name, kept.length);
    const stay = (going: Going | undefined): Going[] => {
      if (!going) phase.kept--;
      return going ? [going] : [];
    };
    if (step.kind === "document") {
      kept = kept.flatMap(g => {
        saw(g.document.text);
        return stay(applyStep(g, count));
      });
    } else {
      const pass = step.begin(count.options);
      for (const g of kept) {
        count.seen++;
        pass.see(g.document);
        saw(g.document.text);
      }
      const judgements = pass.judge();
      kept = kept.flatMap(g => stay(settle(g, count, judgements.get(g.document.id))));
      if (pass.revise) kept = kept.flatMap(g => stay(settleApplied(g, count, pass.revise!(g.document))));
    }
    say();
  }

  if (kept.length === 0) {
    const reasons = [...setAside.map(s => s.reason), ...dropped.map(d => `${d.step}/${d.verdict.rule}`)];
    throw dataErrors.fail("noDocuments", {
      place: options.name,
      expected: "documents",
      received: read === 0 ? "none from the source" : `none of ${read} records (${countOf(reasons)})`,
      hint: "Check the source, its reader and the steps' thresholds.",
    });
  }
  return {
    kept: kept.map(g => g.document).sort(byId),
    dropped: dropped.sort((a, b) => byId(a.document, b.document)),
    setAside: setAside.sort((a, b) => (a.place < b.place ? -1 : 1)),
    ledger: ledger
      .map((e, i) => [e, i] as const)
      .sort(([a, i], [b, j]) => (a.document === b.document ? i - j : a.document < b.document ? -1 : 1))
      .map(([e]) => e),
    read,
    steps: counts,
    measured: measuredOf(ids, ends, recorder),
  };
}

function measuredOf(ids: readonly string[], ends: readonly number[], recorder: ReturnType<typeof measureRecorder>): Measured {
  const order = Uint32Array.from(ids, (_, i) => i).sort((a, b) => (ids[a]! < ids[b]! ? -1 : 1));
  const ranks = new Uint32Array(ids.length);
  order.forEach((number, place) => {
    ranks[number] = place;
  });
  return {
    ids: Array.from(order, number => ids[number]!),
    fates: Uint8Array.from(order, number => ends[number]!),
    columns: recorder.finish(ranks),
  };
}

/** A name under `keep:` that nobody bears would quietly keep nothing. */
function checkNamed({ keep = [], name }: CurateOptions, ids: readonly string[]): void {
  if (keep.length === 0) return;
  const all = new Set(ids);
  const unknown = keep.find(id => !all.has(id));
  if (unknown === undefined) return;
  const near = nearest(unknown, ids.length <= 20_000 ? ids : ids.slice(0, 20_000));
  throw dataErrors.fail("unknownDocument", {
    place: `${name}: keep`,
    expected: "ids of documents that were read",
    received: `"${unknown}"`,
    hint: near ? `Did you mean "${near}"?` : "`loam data drops` lists ids.",
  });
}

/** `3 empty, 1 json`: reasons by how often they came. */
export function countOf(reasons: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const r of reasons) counts.set(r, (counts.get(r) ?? 0) + 1);
  return [...counts]
    .sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1))
    .map(([r, n]) => `${n} ${r}`)
    .join(", ");
}

export const totalBytes = (documents: readonly Document[]): number => documents.reduce((sum, d) => sum + sizeOf(d.text), 0);
