/** What the record has measured of a version: its own facts, and the items of every task that it was asked. Nothing is measured here. */
import { z } from "zod";
import { check, defined } from "../../base/index.ts";
import {
  asChoosing,
  type GroupHead,
  groupHeadOf,
  groupItems,
  type ItemResult,
  outputTypes,
  parseResults,
  resultTimes,
} from "../../evaluate/index.ts";
import {
  type ArtifactInfo,
  artifactsFrom,
  listArtifacts,
  looksOfContent,
  type ModelVersion,
  openArtifact,
  type ReadingDb,
  type Store,
} from "../../store/index.ts";
import { crossValidationFacts } from "./cross-validation-facts.ts";
import { erasureFacts } from "./erasure-facts.ts";
import { membershipFacts } from "./membership-facts.ts";
import { artifactJson, classifierResult, evaluationItems, groupsOption, type MeasuredTask, mistakeCosts } from "./test-set-items.ts";

export type { MeasuredTask } from "./test-set-items.ts";
export { artifactJson, artifactJsonLines, testTask } from "./test-set-items.ts";

/** A group of tasks, as it was evaluated: results of its tasks and what is told of them together. */
export interface MeasuredGroup {
  readonly head: GroupHead;
  readonly artifact: string;
  readonly atMs: number;
  /** Of each of its tasks. */
  readonly results: readonly MeasuredTask[];
  /** Of all of them, as `groupItems` gives them. */
  readonly items: readonly ItemResult[];
}

export interface MeasuredVersion {
  /** Of the version itself, without an interval: `sizeMB` (files, 10^6 bytes), `parameters`, and its scores. */
  readonly facts: Readonly<Record<string, number>>;
  /** Scores that are recorded and no number, as they are written. */
  readonly broken: Readonly<Record<string, string>>;
  /** Gc has removed its files, and what was measured of it. */
  readonly isReleased: boolean;
  readonly tasks: readonly MeasuredTask[];
  readonly groups: readonly MeasuredGroup[];
}

const resultHead = z.looseObject({
  task: z.string(),
  output: z.enum(outputTypes),
  positive: z.string().optional(),
  samples: z.number().optional(),
  match: z.strictObject({ ignore: z.array(z.string()), ignoreCase: z.boolean(), ignorePunctuation: z.boolean() }).optional(),
  metrics: z.array(z.string()).min(1).optional(),
  slices: z.array(z.strictObject({ by: z.string(), parts: z.number(), isLength: z.boolean().optional() })).optional(),
  groups: groupsOption.optional(),
});
const groupResult = z.looseObject({
  group: z.string(),
  tasks: z.array(z.strictObject({ task: z.string(), result: z.string() })),
  measures: z.array(
    z.strictObject({ metric: z.string(), filter: z.string().optional(), isWeighted: z.boolean(), tasks: z.array(z.string()) }),
  ),
});
/** What `loam eval` recorded. */
export async function taskResult(store: Store, info: Pick<ArtifactInfo, "id" | "createdMs">): Promise<MeasuredTask> {
  const {
    task,
    output,
    positive,
    samples,
    match,
    metrics,
    slices,
    groups: groupings,
  } = check(resultHead, await artifactJson(store, info.id, "result.json"), `${info.id}/result.json`);
  const artifact = await openArtifact(store, info.id);
  const times = await resultTimes(store, artifact);
  const items = parseResults((await artifact.read("items.jsonl")).toString("utf8"), `${info.id}/items.jsonl`, times.items);
  const head = {
    task,
    output,
    ...defined({ positive, samples, match, metrics, slices, groups: groupings }),
  };
  return { head, artifact: info.id, atMs: info.createdMs, items };
}

/** What `loam eval` recorded of a group; `resultOf` reads a task's result. */
async function groupOf(store: Store, info: ArtifactInfo, resultOf: (artifact: string) => Promise<MeasuredTask>): Promise<MeasuredGroup> {
  const { group, tasks, measures } = check(groupResult, await artifactJson(store, info.id, "group.json"), `${info.id}/group.json`);
  const results: MeasuredTask[] = [];
  for (const { result } of tasks) results.push(await resultOf(result));
  const head = groupHeadOf(
    {
      name: group,
      tasks: tasks.map(t => t.task),
      measures: measures.map(({ filter, ...m }) => ({ ...m, ...defined({ filter }) })),
    },
    results.map(r => r.head),
  );
  return { head, artifact: info.id, atMs: info.createdMs, results, items: itemsOfGroup(head, results) };
}

/** A result's items with those that choose behind them: what a condition draws from. */
export const drawnItems = ({ items, choosing = [] }: Pick<MeasuredTask, "items" | "choosing">): readonly ItemResult[] =>
  choosing.length > 0 ? [...items, ...choosing] : items;

/** Items of a group as it is defined, of results that may be another version's; those that choose too. */
export const itemsOfGroup = (head: GroupHead, results: readonly MeasuredTask[]): ItemResult[] =>
  groupItems(
    head,
    results.map(r => ({ task: r.head.task, items: drawnItems(r) })),
  );

export const taskResultKind = "task-result";
const readers: Readonly<Record<string, (store: Store, info: ArtifactInfo) => Promise<MeasuredTask | undefined>>> = {
  [taskResultKind]: taskResult,
  evaluation: classifierResult,
};

/** Facts alone: what is known without a file. */
export async function versionFacts(db: ReadingDb, { artifact, digest, scores }: ModelVersion): Promise<Record<string, number>> {
  const files = await db.selectFrom("artifact_files").select("size_bytes").where("artifact", "=", artifact).execute();
  const row = await db.selectFrom("artifacts").select("summary").where("id", "=", artifact).executeTakeFirst();
  const { parameters } = JSON.parse(row?.summary ?? "{}") as { parameters?: unknown };
  return {
    ...Object.fromEntries(Object.entries(scores).filter((e): e is [string, number] => typeof e[1] === "number")),
    sizeMB: files.reduce((sum, f) => sum + f.size_bytes, 0) / 1e6,
    ...(typeof parameters === "number" ? { parameters } : {}),
    ...(await crossValidationFacts(db, { digest })),
    ...(await erasureFacts(db, { digest })),
    ...(await membershipFacts(db, { digest })),
  };
}

/** Of an artifact of an evaluation, what came of each item; undefined where it keeps none. Errors: store/notFound; those of its files. */
export async function measuredResult(store: Store, id: string): Promise<MeasuredTask | undefined> {
  const artifact = await openArtifact(store, id);
  const info = (await listArtifacts(store, { kind: artifact.kind })).find(a => a.id === artifact.id);
  return info && (info.kind === "evaluation" ? evaluationItems(store, info) : readers[info.kind]?.(store, info));
}

const groupKind = "group-result";
/** What a task's mistakes cost, and whose answers choose its threshold. */
export const costsKind = "task-costs";
/** Kinds of artifacts that a version's figures are read from. */
export const measuredKinds: readonly string[] = [...Object.keys(readers), groupKind, costsKind];

const costsFile = z.looseObject({ costs: mistakeCosts, choosing: z.string() });

/** The same result with what its task's mistakes cost, where that was recorded of these very answers; `infos` are the newest first. */
async function withCosts(store: Store, t: MeasuredTask, digest: string, infos: readonly ArtifactInfo[]): Promise<MeasuredTask> {
  const info = infos.find(i => i.kind === costsKind && i.inputs.some(own => own.name === "result" && own.digest === digest));
  if (!info) return t;
  const { costs, choosing } = check(costsFile, await artifactJson(store, info.id, "costs.json"), `${info.id}/costs.json`);
  const { items } = await taskResult(store, { id: choosing, createdMs: info.createdMs });
  return { ...t, head: { ...t.head, costs }, choosing: asChoosing(items) };
}

/** The newest result of each task and group, variants (mistyped items, ...) left aside. Errors: those of the record's files. */
export async function measuredOf(store: Store, version: ModelVersion): Promise<MeasuredVersion> {
  const db = store.records.read;
  const infos = await artifactsFrom(db, version.digest, "model", measuredKinds);
  const tasks: MeasuredTask[] = [];
  for (const info of infos.filter(i => i.kind !== groupKind && i.kind !== costsKind)) {
    const { variant, task: name } = info.options as { variant?: unknown; task?: unknown };
    // an older result is not read: what is wrong with it is mended by the newer one
    if (variant !== undefined || (info.kind === taskResultKind && tasks.some(t => t.head.task === name))) continue;
    const read = await readers[info.kind]!(store, info);
    const task = read && (info.kind === taskResultKind ? await withCosts(store, read, info.digest, infos) : read);
    if (task && !tasks.some(t => t.head.task === task.head.task)) tasks.push(task);
  }
  const groups: MeasuredGroup[] = [];
  for (const info of infos.filter(i => i.kind === groupKind)) {
    const { group } = info.options as { group?: unknown };
    if (groups.some(g => g.head.task === group)) continue;
    const resultOf = async (artifact: string) =>
      tasks.find(t => t.artifact === artifact) ??
      withCosts(
        store,
        await taskResult(store, { id: artifact, createdMs: info.createdMs }),
        (await openArtifact(store, artifact)).digest,
        infos,
      );
    groups.push(await groupOf(store, info, resultOf));
  }
  const scores = Object.entries(version.scores).filter(([, score]) => typeof score !== "number");
  const broken = Object.fromEntries(scores.map(([name, score]) => [name, JSON.stringify(score)]));
  const kept = await db.selectFrom("artifacts").select("released_ms").where("id", "=", version.artifact).executeTakeFirst();
  const [most] = await looksOfContent(db, version.digest);
  const looks = most ? { looks: most.total, candidates: most.candidates } : {};
  return { facts: { ...(await versionFacts(db, version)), ...looks }, broken, isReleased: kept?.released_ms != null, tasks, groups };
}
