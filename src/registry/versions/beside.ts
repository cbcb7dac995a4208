/**
 * What the record has beside a task's result: the same items asked in other ways, what judges said of its answers, and which of its items the training
 * data holds. Nothing is asked here; each was recorded by `loam eval`, and figures are made of the items again.
 */
import { z } from "zod";
import { check, defined } from "../../base/index.ts";
import {
  type ChangedItem,
  type ContaminationSplit,
  changedItem,
  contaminationSplit,
  type EvaluationMeasure,
  fromOtherSide,
  isContradicted,
  type JudgedItem,
  type JudgementScores,
  judgementScores,
  type VariantScores,
  variantScores,
} from "../../evaluate/index.ts";
import { artifactsFrom, listArtifacts, type ModelVersion, type Store } from "../../store/index.ts";
import { artifactJson, artifactJsonLines, type MeasuredTask, taskResult, taskResultKind } from "../gates/measured.ts";

/** Items of each list. */
const few = 25;
/** Judgements of a result that are told, the newest first. */
const mostJudgements = 8;

export interface VariantReported extends Pick<VariantScores, "alike" | "differences"> {
  readonly variant: string;
  readonly artifact: string;
  /** Items that are answered otherwise; `numTurned` counts all, those that became wrong come first. */
  readonly turned: readonly ChangedItem[];
  readonly numTurned: number;
}

const asked = z.looseObject({ task: z.string(), digest: z.string().optional(), variant: z.string().optional() });

/** The newest of each variant of the very items of a result, by name. */
export async function modelVariants(
  store: Store,
  version: ModelVersion,
  task: MeasuredTask,
  measures: readonly EvaluationMeasure[],
): Promise<VariantReported[]> {
  const infos = await artifactsFrom(store.records.read, version.digest, "model", [taskResultKind]);
  const own = asked.safeParse(infos.find(i => i.id === task.artifact)?.options).data;
  if (!own) return [];
  const found = new Map<string, (typeof infos)[number]>();
  for (const info of infos) {
    const { variant, digest, task: name } = asked.safeParse(info.options).data ?? {};
    if (variant !== undefined && name === own.task && digest === own.digest && !found.has(variant)) found.set(variant, info);
  }
  const out: VariantReported[] = [];
  for (const [variant, info] of [...found].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const { items } = await taskResult(store, info);
    const { alike, differences, turned } = variantScores(variant, items, task.items, measures, task.head.task);
    out.push({
      variant,
      artifact: info.id,
      ...defined({ alike }),
      differences,
      turned: turned.slice(0, few).map(t => changedItem(t.item, t.before.came)),
      numTurned: turned.length,
    });
  }
  return out;
}

/** A pair of answers as the version has it: `came` is its own, `before` the other's. */
interface JudgedReported extends Omit<ChangedItem, "right" | "ms"> {
  /** What the judge wrote: its own answer first, and the other's first. */
  readonly said: readonly [string, string];
}

export interface JudgementReported extends JudgementScores {
  readonly artifact: string;
  readonly judge: string;
  /** Whose answers stood beside its own. */
  readonly beside: string;
  readonly atMs: number;
  readonly won: readonly JudgedReported[];
  readonly lost: readonly JudgedReported[];
  /** Each order prefers another answer. */
  readonly contradicted: readonly JudgedReported[];
}

const outcome = z.enum(["win", "loss", "tie"]);
const judged = z.looseObject({
  id: z.string(),
  place: z.string(),
  prompt: z.string(),
  first: z.string(),
  second: z.string(),
  shownFirst: outcome.optional(),
  shownSecond: outcome.optional(),
  outcome: outcome.optional(),
  said: z.tuple([z.string(), z.string()]),
});
const judging = z.looseObject({ first: z.string(), second: z.string() });

const shownPair = ({ id, place, prompt, first: came, second: before, said }: JudgedItem): JudgedReported => {
  return { id, place, prompt, came, before, said };
};

/** What judges said of a result's answers, whichever side it was on. */
export async function judgementsOf(store: Store, { artifact, head, items }: MeasuredTask): Promise<JudgementReported[]> {
  const all = (await listArtifacts(store, { kind: "judgement" })).filter(i => i.stage.name === "judge" && i.releasedMs === null);
  const own = all.flatMap(info => {
    const { first, second } = judging.safeParse(info.options).data ?? {};
    return first === artifact || second === artifact
      ? [{ info, isFirst: first === artifact, other: first === artifact ? second! : first! }]
      : [];
  });
  // judged afresh, the newest word counts
  const newest = own.filter(({ info }, i) => own.findIndex(o => o.info.recipe === info.recipe) === i);
  const out: JudgementReported[] = [];
  for (const { info, isFirst, other } of newest.slice(0, mostJudgements)) {
    const lines = await artifactJsonLines(store, info.id, "judged.jsonl");
    const verdicts = lines.map((line, i): JudgedItem => {
      const { shownFirst, shownSecond, outcome, ...rest } = check(judged, line, `${info.id}/judged.jsonl:${i + 1}`);
      return { ...rest, ...defined({ shownFirst, shownSecond, outcome }) };
    });
    const mine = isFirst ? verdicts : fromOtherSide(verdicts);
    const list = (fits: (item: JudgedItem) => boolean) => mine.filter(fits).slice(0, few).map(shownPair);
    const row = await store.records.read.selectFrom("artifacts").select("summary").where("id", "=", other).executeTakeFirst();
    const beside = z.looseObject({ model: z.string() }).safeParse(JSON.parse(row?.summary ?? "{}")).data?.model ?? other;
    out.push({
      artifact: info.id,
      judge: String(info.summary.judge ?? ""),
      beside,
      atMs: info.createdMs,
      ...judgementScores(mine, items, head),
      won: list(i => i.outcome === "win"),
      lost: list(i => i.outcome === "loss"),
      contradicted: list(isContradicted),
    });
  }
  return out;
}

const lookedFor = z.looseObject({ data: z.string(), set: z.string(), file: z.string(), isSameFile: z.boolean(), action: z.string() });
const seenFile = z.looseObject({
  checks: z.array(lookedFor),
  unchecked: z.array(z.string()).default([]),
  cleanness: z.array(z.enum(["clean", "contaminated", "unknown"])),
});

export interface SeenReported extends ContaminationSplit {
  /** Which data was held beside which set. */
  readonly checks: readonly z.output<typeof lookedFor>[];
  /** Data that was trained on and never searched: no item is called clean. */
  readonly unchecked: readonly string[];
}

/** The kind of artifact that tells which items the training data holds. */
export const seenKind = "seen-items";

/** Undefined where no data of the version's was checked against the items. */
export async function seenOf(
  store: Store,
  version: ModelVersion,
  task: MeasuredTask,
  measures: readonly EvaluationMeasure[],
): Promise<SeenReported | undefined> {
  const infos = await artifactsFrom(store.records.read, version.digest, "model", [seenKind]);
  const info = infos.find(i => i.inputs.some(input => input.artifact === task.artifact));
  if (!info) return undefined;
  const { checks, unchecked, cleanness } = check(seenFile, await artifactJson(store, info.id, "seen.json"), `${info.id}/seen.json`);
  return { checks, unchecked, ...contaminationSplit(task.items, cleanness, measures) };
}
