/**
 * Every evaluation of a project, whatever it measured: bits per byte, a classifier's or regression's test set, cross-validation, tasks of `loam eval` (also in
 * other words, of groups, of endpoints), judgements of pairs. Of each its main figures without intervals, which its report has.
 */
import { bitsOfDocumentsFile, type JudgedItem, judgeSummary, reportedMeasures } from "../../evaluate/index.ts";
import { evaluationItems, measuredResult } from "../../registry/index.ts";
import { type ArtifactInfo, listArtifacts, listModels, openArtifact, type Store } from "../../store/index.ts";
import { type EvaluationReport, kindReportOf } from "./report-of.ts";

export type EvaluationKind = "bits per byte" | "test set" | "cross-validation" | "task" | "variant" | "group" | "judgement";

export interface ListedScore {
  readonly metric: string;
  readonly better: "higher" | "lower";
  readonly value: number;
}

export interface ListedEvaluation {
  readonly artifact: string;
  readonly kind: EvaluationKind;
  readonly task: string;
  /** Version of the model (`NAME@VERSION`), else the name under which it was evaluated. */
  readonly model: string;
  /** The version, where one was evaluated. */
  readonly version: string | null;
  readonly modelArtifact: string | null;
  readonly atMs: number;
  readonly items: number | null;
  /** Of `variant`: which one. */
  readonly variant: string | null;
  /** The main one first. */
  readonly scores: readonly ListedScore[];
  /** It keeps what came of each item: two of one task can be compared. */
  readonly hasItems: boolean;
}

type Found = Pick<ListedEvaluation, "kind" | "task" | "items" | "scores" | "hasItems"> & { readonly model?: string };

const artifactKinds = ["evaluation", "cross-validation", "task-result", "group-result", "judgement"] as const;

interface Bits extends EvaluationReport {
  readonly model: { readonly name: string };
  readonly heldOut: { readonly documents: number };
  readonly scores: readonly { readonly kind: string; readonly bitsPerByte: number }[];
}
interface Tested extends EvaluationReport {
  readonly test?: { readonly documents: number };
}
interface Folds extends EvaluationReport {
  readonly systems: readonly { readonly kind: string; readonly measures: Readonly<Record<string, { readonly mean: number }>> }[];
}

/** Figures of errors: less is better. */
const isError = (metric: string): boolean => /^(mae|rmse|log.?loss|brier|ece)$/i.test(metric);

async function ofReport(store: Store, report: EvaluationReport, info: ArtifactInfo): Promise<Found> {
  if (report.task === "bits-per-byte") {
    const { model, heldOut, scores } = report as Bits;
    const own = scores
      .filter(s => s.kind === "model")
      .map(s => ({ metric: "bits per byte", better: "lower" as const, value: s.bitsPerByte }));
    return {
      kind: "bits per byte",
      task: report.task,
      items: heldOut.documents,
      scores: own,
      hasItems: info.files.some(f => f.name === bitsOfDocumentsFile),
      model: model.name,
    };
  }
  if (report.task === "cross-validation") {
    const system = (report as Folds).systems.find(s => s.kind === "model");
    const scores = Object.entries(system?.measures ?? {}).map(([metric, m]): ListedScore => {
      return { metric, better: isError(metric) ? "lower" : "higher", value: m.mean };
    });
    return { kind: "cross-validation", task: report.task, items: null, scores, hasItems: false };
  }
  // a row reads its own reports
  const main = kindReportOf(report)?.mainScore(report as never);
  return {
    kind: "test set",
    task: report.task,
    items: (report as Tested).test?.documents ?? null,
    scores: main ? [{ metric: main.metric, better: main.better, value: main.value }] : [],
    hasItems: (await evaluationItems(store, info)) !== undefined,
  };
}

async function ofTask(store: Store, info: ArtifactInfo): Promise<Found | undefined> {
  const measured = await measuredResult(store, info.id);
  if (!measured || measured.items.length === 0) return undefined;
  const { head, items } = measured;
  const all = Int32Array.from(items, (_, i) => i);
  const scores = reportedMeasures(head, items).map(m => ({ metric: m.name, better: m.better, value: m.prepare(items)(all) }));
  const { variant } = info.options as { readonly variant?: unknown };
  return { kind: variant === undefined ? "task" : "variant", task: head.task, items: items.length, scores, hasItems: true };
}

async function ofJudgement(store: Store, info: ArtifactInfo): Promise<Found> {
  const text = (await (await openArtifact(store, info.id)).read("judged.jsonl")).toString("utf8");
  const items = text
    .split("\n")
    .filter(Boolean)
    .map(line => JSON.parse(line) as JudgedItem);
  const { wins, ties, items: count, unread } = judgeSummary(items);
  const read = count - unread;
  const { task } = info.options as { readonly task: string };
  const scores: ListedScore[] = read > 0 ? [{ metric: "win rate", better: "higher", value: (wins + ties / 2) / read }] : [];
  return { kind: "judgement", task, items: count, scores, hasItems: false };
}

async function readOne(store: Store, info: ArtifactInfo): Promise<Found | undefined> {
  if (info.kind === "task-result") return ofTask(store, info);
  if (info.kind === "judgement") return ofJudgement(store, info);
  if (info.kind === "group-result") {
    const { group } = info.options as { readonly group: string };
    return { kind: "group", task: group, items: null, scores: [], hasItems: false };
  }
  const report = JSON.parse((await (await openArtifact(store, info.id)).read("report.json")).toString("utf8")) as EvaluationReport;
  return ofReport(store, report, info);
}

/** The most that are listed, of each kind of artifact; the newest. */
const mostListed = 1_000;

/**
 * Reads of one store, kept by artifact: an artifact never changes, and a page asks again and again.
 *
 * @example const list = listedEvaluations(store); const all = await list();
 */
export function listedEvaluations(store: Store): () => Promise<ListedEvaluation[]> {
  const known = new Map<string, Promise<Found | undefined>>();
  const found = (info: ArtifactInfo) => {
    const read = known.get(info.id) ?? readOne(store, info);
    known.set(info.id, read);
    read.catch(() => known.delete(info.id));
    return read;
  };
  return async () => {
    const versions = (await listModels(store)).flatMap(m => m.versions);
    const infos = (await Promise.all(artifactKinds.map(kind => listArtifacts(store, { kind, limit: mostListed })))).flat();
    const listed: ListedEvaluation[] = [];
    const kept = infos.filter(i => i.releasedMs === null);
    for (const id of known.keys()) if (!kept.some(i => i.id === id)) known.delete(id);
    for (const info of kept) {
      const of = await found(info);
      if (!of) continue;
      const { model: named, ...rest } = of;
      const options = info.options as { readonly variant?: string; readonly first?: string };
      // a judgement is of the model whose responses stand first
      const input =
        info.kind === "judgement"
          ? infos.find(i => i.id === options.first)?.inputs.find(i => i.name === "model")
          : info.inputs.find(i => i.name === "model");
      const version = versions.find(v => v.artifact === input?.artifact) ?? versions.find(v => v.digest === input?.digest);
      const id = version ? `${version.model}@${version.number}` : null;
      const summary = info.summary as { readonly model?: unknown };
      listed.push({
        ...rest,
        artifact: info.id,
        version: id,
        model: id ?? named ?? (typeof summary.model === "string" ? summary.model : (input?.artifact ?? "unknown")),
        modelArtifact: input?.artifact ?? null,
        atMs: info.createdMs,
        variant: options.variant ?? null,
      });
    }
    return listed.sort((a, b) => b.atMs - a.atMs);
  };
}
