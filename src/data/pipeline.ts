/**
 * One pass of curation: records through the steps to two sides, with the ledger. Document steps run as records arrive; a corpus step is a
 * barrier. Documents are held in memory between barriers; steps themselves keep only what they need, so that an executor over files or
 * workers can take this one's place.
 */
import { sha256 } from "../base/index.ts";
import type { Document } from "./document.ts";
import { sizeOf } from "./document.ts";
import { dataErrors } from "./errors.ts";
import { dropEntry, editEntry, type LedgerEntry, type SetAside, type Verdict } from "./ledger.ts";
import { decide } from "./mix.ts";
import type { ReadRecord } from "./sources/source.ts";
import type { Applied, Judgement, Step } from "./steps/step.ts";
import { steps as allSteps, type ChosenStep } from "./steps/steps.ts";

/** A document that did not stay, as it was when the step judged it. */
export interface Dropped {
  readonly document: Document;
  readonly step: string;
  readonly verdict: Verdict;
}

export interface Curated {
  /** In the order of their ids. */
  readonly kept: readonly Document[];
  readonly dropped: readonly Dropped[];
  readonly setAside: readonly SetAside[];
  readonly ledger: readonly LedgerEntry[];
  /** Records read, well or badly. */
  readonly read: number;
}

export interface CurateOptions {
  /** Prefix of document ids. */
  readonly name: string;
  readonly steps: readonly ChosenStep[];
  /** A count from 1 up, or a share below 1. */
  readonly maxBad: number;
  readonly signal?: AbortSignal;
  /** Called now and then with the place that was just read. */
  readonly onRead?: (read: number, place: string) => void;
}

/** A share of bad records is judged from this many on: of three records one is no pattern yet. */
const minForShare = 200;

/** Ids are lines of files and arguments of commands: a key that would not fit there is named by its hash. */
const maxKeyLength = 512;
const tidyKey = (key: string) =>
  key.length <= maxKeyLength && !/[\p{Cc}\p{Surrogate}]/u.test(key) && key !== "" ? key : `#${sha256(key).slice(0, 16)}`;

const byId = (a: Document, b: Document) => (a.id < b.id ? -1 : 1);

/** Runs records through steps. Errors: `data/tooManyBad`, `data/noDocuments`, the abort signal's reason. */
export async function curate(records: AsyncIterable<ReadRecord>, options: CurateOptions): Promise<Curated> {
  const ledger: LedgerEntry[] = [];
  const dropped: Dropped[] = [];
  const setAside: SetAside[] = [];
  const ids = new Map<string, number>();
  let kept: Document[] = [];
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

  /** Takes a judgement into account; undefined when the document goes. */
  const settle = (document: Document, step: string, judgement: Judgement | undefined): Document | undefined => {
    const judged = judgement?.attributes ? { ...document, attributes: { ...document.attributes, ...judgement.attributes } } : document;
    const verdict = decide(judgement?.verdicts);
    if (!verdict) return judged;
    dropped.push({ document: judged, step, verdict });
    ledger.push(dropEntry(document.id, step, verdict));
    return undefined;
  };

  const settleApplied = (document: Document, step: string, applied: Applied): Document | undefined => {
    for (const e of applied.edits ?? []) ledger.push(editEntry(document.id, step, e));
    return settle(applied.text === undefined ? document : { ...document, text: applied.text }, step, applied);
  };

  const applyStep = (document: Document, chosen: ChosenStep): Document | undefined => {
    const step: Step = allSteps[chosen.step];
    return step.kind === "corpus" ? document : settleApplied(document, step.name, step.apply(document, chosen.options));
  };

  const firstBarrier = options.steps.findIndex(chosen => allSteps[chosen.step].kind === "corpus");
  const ahead = firstBarrier < 0 ? options.steps : options.steps.slice(0, firstBarrier);
  const behind = options.steps.slice(ahead.length);

  for await (const record of records) {
    options.signal?.throwIfAborted();
    read++;
    options.onRead?.(read, record.place);
    if (!record.ok) {
      const { place, reason, message } = record;
      setAside.push({ place, reason, message });
      checkBad(false);
      continue;
    }
    // Records of equal content in one file share a key; a number tells them apart.
    const base = `${options.name}:${tidyKey(record.key)}`;
    const times = (ids.get(base) ?? 0) + 1;
    ids.set(base, times);
    const id = times === 1 ? base : `${base}~${times}`;
    for (const e of record.edits) ledger.push(editEntry(id, "read", e));
    let document: Document | undefined = { id, text: record.text, source: record.place, attributes: record.attributes };
    for (const chosen of ahead) document &&= applyStep(document, chosen);
    if (document) kept.push(document);
  }
  checkBad(true);

  for (const chosen of behind) {
    options.signal?.throwIfAborted();
    const step: Step = allSteps[chosen.step];
    if (step.kind === "document") {
      kept = kept.flatMap(d => applyStep(d, chosen) ?? []);
      continue;
    }
    const pass = step.begin(chosen.options);
    for (const d of kept) pass.see(d);
    const judgements = pass.judge();
    kept = kept.flatMap(d => settle(d, step.name, judgements.get(d.id)) ?? []);
    if (pass.revise) kept = kept.flatMap(d => settleApplied(d, step.name, pass.revise!(d)) ?? []);
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
    kept: kept.sort(byId),
    dropped: dropped.sort((a, b) => byId(a.document, b.document)),
    setAside: setAside.sort((a, b) => (a.place < b.place ? -1 : 1)),
    ledger: ledger
      .map((e, i) => [e, i] as const)
      .sort(([a, i], [b, j]) => (a.document === b.document ? i - j : a.document < b.document ? -1 : 1))
      .map(([e]) => e),
    read,
  };
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
