/** What the record has measured of a version: its own facts, and the items of every task that it was asked. Nothing is measured here. */
import { z } from "zod";
import { check } from "../../base/index.ts";
import { type ItemResult, outputTypes, type ResultHead } from "../../evaluate/index.ts";
import { type ArtifactInfo, artifactsFrom, type ModelVersion, openArtifact, type Reading, type Store } from "../../store/index.ts";

export interface MeasuredTask {
  readonly head: ResultHead;
  readonly artifact: string;
  readonly atMs: number;
  readonly items: readonly ItemResult[];
}

export interface Measured {
  /** Of the version itself, without an interval: `sizeMB` (files, 10^6 bytes), `parameters`, and its scores. */
  readonly facts: Readonly<Record<string, number>>;
  readonly tasks: readonly MeasuredTask[];
}

/** The task of a tuned classifier's own test part. */
export const testTask = "test";

const resultHead = z.looseObject({ task: z.string(), output: z.enum(outputTypes), positive: z.string().optional() });
const linesOf = async (store: Store, artifact: string, file: string): Promise<unknown[]> =>
  (await (await openArtifact(store, artifact)).read(file))
    .toString("utf8")
    .split("\n")
    .filter(Boolean)
    .map(line => JSON.parse(line) as unknown);
const jsonOf = async (store: Store, artifact: string, file: string): Promise<unknown> =>
  JSON.parse((await (await openArtifact(store, artifact)).read(file)).toString("utf8"));

/** What `loam eval` recorded. */
async function taskResult(store: Store, info: ArtifactInfo): Promise<MeasuredTask> {
  const { task, output, positive } = check(resultHead, await jsonOf(store, info.id, "result.json"), `${info.id}/result.json`);
  const items = (await linesOf(store, info.id, "items.jsonl")) as ItemResult[];
  return { head: { task, output, ...(positive === undefined ? {} : { positive }) }, artifact: info.id, atMs: info.createdMs, items };
}

const prediction = z.looseObject({ id: z.string(), truth: z.string(), predicted: z.string(), scores: z.array(z.number()) });
const classReport = z.looseObject({ task: z.literal("classification"), classes: z.array(z.string()) });

/** A tuned classifier's report, as items of a task. Its predictions have no groups and no times. */
async function classifierResult(store: Store, info: ArtifactInfo): Promise<MeasuredTask | undefined> {
  const report = classReport.safeParse(await jsonOf(store, info.id, "report.json")).data;
  if (!report || !info.files.some(f => f.name === "predictions.jsonl")) return undefined;
  const { classes } = report;
  const items = (await linesOf(store, info.id, "predictions.jsonl")).map((line, i): ItemResult => {
    const p = check(prediction, line, `${info.id}/predictions.jsonl:${i + 1}`);
    return {
      id: p.id,
      place: `${info.id}/predictions.jsonl:${i + 1}`,
      prompt: "",
      right: p.truth,
      came: p.predicted,
      ms: Number.NaN,
      attributes: {},
      choices: classes,
      gold: [classes.indexOf(p.truth)],
      logLikelihoods: p.scores.map(Math.log),
    };
  });
  return { head: { task: testTask, output: "classify" }, artifact: info.id, atMs: info.createdMs, items };
}

const readers: Readonly<Record<string, (store: Store, info: ArtifactInfo) => Promise<MeasuredTask | undefined>>> = {
  "task-result": taskResult,
  evaluation: classifierResult,
};

/** Facts alone: what is known without a file. */
export async function factsOf(db: Reading, { artifact, scores }: ModelVersion): Promise<Record<string, number>> {
  const files = await db.selectFrom("artifact_files").select("size_bytes").where("artifact", "=", artifact).execute();
  const row = await db.selectFrom("artifacts").select("summary").where("id", "=", artifact).executeTakeFirst();
  const { parameters } = JSON.parse(row?.summary ?? "{}") as { parameters?: unknown };
  return {
    ...Object.fromEntries(Object.entries(scores).filter((e): e is [string, number] => typeof e[1] === "number")),
    sizeMB: files.reduce((sum, f) => sum + f.size_bytes, 0) / 1e6,
    ...(typeof parameters === "number" ? { parameters } : {}),
  };
}

/** The newest result of each task, variants (mistyped items, ...) left aside. Errors: those of the record's files. */
export async function measuredOf(store: Store, version: ModelVersion): Promise<Measured> {
  const db = store.records.read;
  const tasks: MeasuredTask[] = [];
  for (const info of await artifactsFrom(db, version.digest, "model", Object.keys(readers))) {
    const { variant } = info.options as { variant?: unknown };
    if (variant !== undefined) continue;
    const task = await readers[info.kind]!(store, info);
    if (task && !tasks.some(t => t.head.task === task.head.task)) tasks.push(task);
  }
  return { facts: await factsOf(db, version), tasks };
}
