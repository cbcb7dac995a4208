/** What the console's pages of releases, evaluations and runs show, read from a project's store when it is asked for. */
import { isLoamError } from "../../base/index.ts";
import {
  approvalsOf,
  diffGroups,
  type EvaluationDiff,
  evaluationDiff,
  evaluationReport,
  evidenceKinds,
  filesGate,
  judgeRelease,
  type TaskReported,
  versionSignatures,
  wantedItems,
  withGate,
} from "../../registry/index.ts";
import type { ConsoleSource } from "../../serve/index.ts";
import {
  aliasGuardOf,
  evaluationMarks,
  holderOf,
  listGuards,
  listModels,
  looksOf,
  looksOfContent,
  type ModelVersion,
  openArtifact,
  readRunData,
  releasesOf,
  resolveVersion,
  rollbackTarget,
  type Store,
  traceArtifact,
} from "../../store/index.ts";
import { metricsFile } from "../../train/index.ts";
import { listedEvaluations } from "../eval/listed.ts";
import { looksLines, looksReport } from "../looks.ts";
import { metricUnits } from "../run-table/index.ts";
import { liveLog, liveRun } from "./live-runs.ts";

type ReleaseSource = NonNullable<ConsoleSource["releases"]>;
type MoveVerdict = Awaited<ReturnType<ReleaseSource["releases"]>>[number]["history"][number]["verdict"];
/** A task's report as the console has it. */
type TaskShown = Omit<TaskReported, "atMs"> & { readonly at: number };

/** Reports kept in memory: intervals take a second, and results do not change. */
const keptReports = 8;
/** Moves of aliases that a page lists. */
const mostMoves = 100;

async function unlessMissing<T>(read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (isLoamError(error, "store/notFound")) return undefined;
    throw error;
  }
}

const versionNamed = (store: Store, id: string): Promise<ModelVersion> => {
  const [model = "", which = "latest"] = id.split("@");
  return resolveVersion(store.records.read, model, which);
};

async function modelReleases(store: Store, model: string, versions: readonly ModelVersion[]) {
  const db = store.records.read;
  const marks = await evaluationMarks(db, model);
  const guards = (await listGuards(db)).filter(g => g.rules.models?.includes(model) ?? true);
  const moves = await releasesOf(db, model);
  const held = versions.flatMap(v => v.aliases).filter(a => a !== "latest");
  const aliases = [...new Set([...guards.map(g => g.alias), ...held, ...moves.map(m => m.alias)])].sort();
  return {
    model,
    versions: versions.map(v => ({
      id: `${model}@${v.number}`,
      version: v.number,
      artifact: v.artifact,
      createdAt: v.createdMs,
      aliases: v.aliases,
      isArchived: marks.some(m => m.number === v.number && m.kind === "stage" && m.value === "archived"),
    })),
    aliases: await Promise.all(
      aliases.map(async alias => ({
        alias,
        isGuarded: guards.some(g => g.alias === alias),
        holder: await holderOf(db, model, alias),
        /** Where `loam models rollback` would go. */
        goesBackTo: (await rollbackTarget(db, model, alias)) ?? null,
      })),
    ),
    history: moves
      .slice(-mostMoves)
      .reverse()
      .map(({ atMs, alias, kind, number, previous, by, reason, verdict }) => ({
        at: atMs,
        alias,
        kind,
        number,
        previous,
        by,
        reason,
        // written by the promotion that it is of
        verdict: (verdict ?? null) as MoveVerdict,
      })),
  };
}

/** Every number that a run logged a line, by name, against its step; lines that are none are passed over: one may be half written. */
export function loggedColumns(
  text: string,
  stage: string,
): { readonly steps: number[]; readonly columns: Record<string, (number | null)[]>; readonly units: Readonly<Record<string, string>> } {
  const steps: number[] = [];
  const columns: Record<string, (number | null)[]> = {};
  for (const line of text.split("\n")) {
    if (line === "") continue;
    let point: unknown;
    try {
      point = JSON.parse(line);
    } catch {
      continue;
    }
    if (typeof point !== "object" || point === null) continue;
    const { step, ...rest } = point as Record<string, unknown>;
    if (typeof step !== "number") continue;
    for (const [name, value] of Object.entries(rest)) {
      if (typeof value !== "number") continue;
      columns[name] ??= steps.map(() => null);
      columns[name].push(value);
    }
    steps.push(step);
    for (const column of Object.values(columns)) if (column.length < steps.length) column.push(null);
  }
  return { steps, columns, units: metricUnits(stage, Object.keys(columns)) };
}

async function loggedOf(store: Store, id: string) {
  const live = await liveRun(store, id);
  if (live)
    return { artifact: id, stage: live.stage, options: {}, summary: {}, madeFrom: {}, ...loggedColumns(liveLog(store, live), live.stage) };
  const artifact = await openArtifact(store, id);
  const node = (await traceArtifact(store, id, { first: 0 })).nodes.find(n => n.id === artifact.id)!;
  const inputs = await store.records.read.selectFrom("inputs").selectAll().where("artifact", "=", artifact.id).execute();
  const text = (await readRunData(store, artifact, metricsFile)) ?? "";
  return {
    artifact: artifact.id,
    stage: `${node.stage}@${node.stageVersion}`,
    options: node.options,
    summary: artifact.summary,
    madeFrom: Object.fromEntries(inputs.map(i => [i.name, i.source])),
    ...loggedColumns(text, node.stage),
  };
}

/** Every evaluation, and two of them compared. */
function evaluationSource(store: Store): Pick<ReleaseSource, "evaluations" | "diff"> {
  const diffs = new Map<string, Promise<EvaluationDiff>>();
  const listed = listedEvaluations(store);
  const evaluations = async () => (await listed()).map(({ atMs: at, ...e }) => ({ ...e, at }));
  return {
    evaluations,
    diff: (first, second, { offset, limit, ...wanted }) =>
      unlessMissing(async () => {
        const all = await evaluations();
        const [one, other] = [all.find(e => e.artifact === first), all.find(e => e.artifact === second)];
        if (!one || !other) return undefined;
        const key = `${first} ${second}`;
        const known = diffs.get(key) ?? evaluationDiff(store, first, second);
        diffs.set(key, known);
        known.catch(() => diffs.delete(key));
        for (const oldest of diffs.keys()) if (diffs.size > keptReports) diffs.delete(oldest);
        const { items, ...diff } = await known;
        const fits = wantedItems(items, wanted);
        const shown = fits.slice(offset, offset + limit).map(({ attributes: _, ...item }) => item);
        return { ...diff, first: one, second: other, groups: diffGroups(items), total: fits.length, items: shown };
      }),
  };
}

export function releaseSource(store: Store): ReleaseSource {
  const reports = new Map<string, Promise<readonly TaskShown[]>>();
  const db = store.records.read;
  /** Looks are counted anew: what others evaluate changes no report. */
  const withLooks = async <T extends Pick<TaskReported, "artifact" | "scores">>(task: T) => {
    const looks = await looksOf(db, task.artifact);
    return looks ? { ...task, looks: looksLines(looksReport(looks, task.scores[0])) } : task;
  };
  return {
    releases: async () => Promise.all((await listModels(store)).map(m => modelReleases(store, m.model, m.versions))),
    verdicts: id =>
      unlessMissing(async () => {
        const version = await versionNamed(store, id);
        const { model, number } = version;
        const guards = (await listGuards(db)).filter(g => g.rules.models?.includes(model) ?? true);
        const gates = [];
        const files = await filesGate(store, version, { how: "look" });
        for (const { alias } of guards) {
          const verdict = withGate(await judgeRelease(store, await aliasGuardOf(db, model, alias), alias, version), files);
          gates.push({ alias, holder: await holderOf(db, model, alias), ...verdict });
        }
        const marks = await evaluationMarks(db, model, number);
        return {
          id: `${model}@${number}`,
          digest: version.digest,
          gates,
          looks: (await looksOfContent(db, version.digest)).flatMap(l => looksLines(looksReport(l))),
          approvals: (await approvalsOf(db, version)).map(({ atMs: at, ...a }) => ({ ...a, at })),
          signatures: (await versionSignatures(db, version)).map(({ fingerprint, by, isValid, atMs: at }) => ({
            fingerprint,
            by,
            isValid,
            at,
          })),
          tags: Object.fromEntries(marks.filter(m => m.kind === "tag").map(m => [m.key, String(m.value)])),
          notes: marks
            .filter(m => m.kind === "note")
            .map(m => ({ ...(m.value as { readonly by: string; readonly text: string }), at: m.atMs })),
        };
      }),
    report: (id, against) =>
      unlessMissing(async () => {
        const version = await versionNamed(store, id);
        const other = against === undefined ? undefined : await versionNamed(store, against);
        // what was evaluated since is another report
        const { count } = await db
          .selectFrom("artifacts")
          .select(e => e.fn.countAll<number>().as("count"))
          .where("kind", "in", evidenceKinds)
          .executeTakeFirstOrThrow();
        const key = `${version.digest} ${other?.digest ?? ""} ${count}`;
        const tasks: Promise<readonly TaskShown[]> =
          reports.get(key) ?? evaluationReport(store, version, other).then(tasks => tasks.map(({ atMs: at, ...t }) => ({ ...t, at })));
        reports.set(key, tasks);
        tasks.catch(() => reports.delete(key));
        for (const oldest of reports.keys()) if (reports.size > keptReports) reports.delete(oldest);
        const name = (v: ModelVersion) => `${v.model}@${v.number}`;
        return { id: name(version), against: other ? name(other) : null, tasks: await Promise.all((await tasks).map(withLooks)) };
      }),
    ...evaluationSource(store),
    logged: id => unlessMissing(() => loggedOf(store, id)),
  };
}
