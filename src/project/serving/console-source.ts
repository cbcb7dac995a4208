/** What the console's pages show of the record: models, runs, evaluations and lineage, read from a project's store when they are asked for. */
import { defined, isLoamError } from "../../base/index.ts";
import { type DataReport, dataReport } from "../../data/index.ts";
import { type BitsReport, scoreTimes } from "../../evaluate/index.ts";
import { type CorePricesPart, corePricesPart } from "../../ledger/index.ts";
import type { ConsoleEvaluation, ConsoleGraph, ConsoleMetricPoint, ConsoleSource, RecordRevisions } from "../../serve/index.ts";
import {
  type ArtifactInfo,
  listArtifacts,
  listModels,
  listRuns,
  liveLocks,
  openArtifact,
  readRunData,
  type Store,
  traceArtifact,
  treeHead,
} from "../../store/index.ts";
import { metricsFile, readMetrics } from "../../train/index.ts";
import { lossUnit } from "../../tune/index.ts";
import { newestOfEach } from "../data/newest-documents.ts";
import { machine } from "../machine.ts";
import { annotationRevision } from "../run-table/index.ts";
import { artifactPreview } from "../tuning/preview-examples.ts";
import { consoleCost, consoleProfile } from "./console-cost.ts";
import { artifactOf, liveLog, liveLogBytes, liveRun, trainedKinds, trainingRuns } from "./live-runs.ts";
import { releaseSource } from "./release-source.ts";
import { runTableSource } from "./run-table-source.ts";

/** Artifacts with a report of a model. */
const reportKinds = ["evaluation", "cross-validation"];
/** Artifacts of a kind that a page lists, the newest. */
const listed = 200;
/** Parsed metrics kept in memory: a page asks again every few seconds, and an artifact never changes. */
const keptRuns = 8;
/** Reports of curation kept in memory, for the same reason. */
const keptReports = 4;

/** `undefined` where the record has no such thing; other errors pass. */
async function unlessMissing<T>(read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (isLoamError(error, "store/notFound")) return undefined;
    throw error;
  }
}

/** Points as trainings of the product log them; a stage of one's own may log others, which have no tokens to be drawn against. */
const pointsOf = (text: string): readonly ConsoleMetricPoint[] => readMetrics(text).filter(p => Number.isFinite(p.tokens));

/** A report as the console shows it: scores of bits per byte with what each took. */
async function timedReport(store: Store, evaluation: ArtifactInfo): Promise<ConsoleEvaluation["report"]> {
  const report = JSON.parse((await (await openArtifact(store, evaluation.id)).read("report.json")).toString("utf8")) as
    | BitsReport
    | Exclude<ConsoleEvaluation["report"], { readonly task: "bits-per-byte" }>;
  if (report.task !== "bits-per-byte") return report;
  const times = await scoreTimes(store, evaluation);
  return { ...report, scores: report.scores.map(s => ({ ...s, ms: times[s.name] ?? s.ms ?? null })) };
}

async function graphOf(store: Store, id: string): Promise<ConsoleGraph> {
  const found = await traceArtifact(store, id, { first: 0 });
  const self = new Set(found.subject.artifacts);
  const ancestors = new Set(found.madeFrom);
  const nodes = await Promise.all(
    found.nodes.map(async n => ({
      id: n.id,
      kind: n.kind,
      stage: n.stage,
      stageVersion: n.stageVersion,
      digest: n.digest,
      options: n.options,
      summary: { ...n.summary, ...(n.documents === null ? {} : { documents: n.documents }) },
      createdAt: n.createdMs,
      relation: self.has(n.id) ? ("self" as const) : ancestors.has(n.id) ? ("ancestor" as const) : ("descendant" as const),
      files: (await openArtifact(store, n.id)).files.map(({ name, sizeBytes }) => ({ name, sizeBytes })),
    })),
  );
  return { root: found.subject.artifacts[0]!, nodes, edges: found.edges.map(({ from, to, name }) => ({ from, to, name })) };
}

/** The log proves whatever makes pages of artifacts differ; looks at test sets are counted beside it. */
async function revisionsOf(store: Store): Promise<RecordRevisions> {
  const db = store.records.read;
  const { looks } = await db
    .selectFrom("looks")
    .select(e => e.fn.countAll<number>().as("looks"))
    .executeTakeFirstOrThrow();
  const { head } = await treeHead(db);
  const running = await db.selectFrom("runs").select(["id", "recipe"]).where("state", "=", "running").orderBy("id").execute();
  // a run whose process died is running in its row alone
  const live = (await liveLocks(db)).map(lock => lock.token);
  const runs = running.map(({ id, recipe }) => [id, live.includes(id), liveLogBytes(store, recipe)]);
  return { artifacts: `${head} ${looks}`, runs: JSON.stringify([head, runs, await annotationRevision(db)]) };
}

/** Without labels, monitors, documents and actions, which are elsewhere. */
type RecordSource = Required<Omit<ConsoleSource, "labels" | "watch" | "governance" | "documents" | "deployments" | "actions" | "starts">>;

/** `project` is the project's name; null where it has none, or where there is no project. */
export function consoleSource(project: string | null, store: Store, prices: CorePricesPart = corePricesPart.parse({})): RecordSource {
  const facts = machine();
  const metrics = new Map<string, readonly ConsoleMetricPoint[]>();
  const reports = new Map<string, Promise<DataReport>>();
  const examples = new Map<string, ReturnType<typeof artifactPreview>>();
  return {
    project,
    releases: releaseSource(store),
    runTable: runTableSource(store, prices, async () => JSON.stringify(await revisionsOf(store))),
    machine: () => facts,
    async models() {
      const all = await listModels(store);
      return all.flatMap(({ model, versions }) =>
        versions.map(v => ({
          id: `${model}@${v.number}`,
          name: model,
          version: v.number,
          artifact: v.artifact,
          createdAt: v.createdMs,
          aliases: v.aliases,
          scores: Object.fromEntries(Object.entries(v.scores).filter((e): e is [string, number] => typeof e[1] === "number")),
        })),
      );
    },
    async runs() {
      const runs = await listRuns(store, { limit: 1000 });
      const made = (await Promise.all(trainedKinds.map(kind => listArtifacts(store, { kind, limit: listed }))))
        .flat()
        .toSorted((a, b) => b.createdMs - a.createdMs);
      const underWay = trainingRuns(store, runs).map(r => ({
        artifact: artifactOf(r),
        stage: r.stage,
        lossUnit: lossUnit(r.stage),
        startedAt: r.startedMs,
        endedAt: null,
        ...defined({ done: r.ledger?.progress?.done, finishesAt: r.ledger?.progress?.finishesAtMs }),
        summary: {},
      }));
      const finished = made.map(a => {
        const run = runs.find(r => r.artifact === a.id && r.state === "done");
        return {
          artifact: a.id,
          stage: a.stage.name,
          lossUnit: lossUnit(a.stage.name),
          startedAt: run?.startedMs ?? null,
          endedAt: run?.endedMs ?? a.createdMs,
          summary: a.summary,
        };
      });
      return [...underWay, ...finished];
    },
    metrics: id =>
      unlessMissing(async () => {
        const known = metrics.get(id);
        if (known) return known;
        const live = await liveRun(store, id);
        if (live) return pointsOf(liveLog(store, live));
        const artifact = await openArtifact(store, id);
        const points = pointsOf((await readRunData(store, artifact, metricsFile)) ?? "");
        metrics.set(id, points);
        for (const oldest of metrics.keys()) if (metrics.size > keptRuns) metrics.delete(oldest);
        return points;
      }),
    examples: id =>
      unlessMissing(() => {
        const known = examples.get(id) ?? artifactPreview(store, id);
        examples.set(id, known);
        known.catch(() => examples.delete(id));
        for (const oldest of examples.keys()) if (examples.size > keptReports) examples.delete(oldest);
        return known;
      }),
    cost: id => unlessMissing(() => consoleCost(store, id, prices)),
    profile: id => unlessMissing(() => consoleProfile(store, id)),
    async evaluations() {
      const made = (await Promise.all(reportKinds.map(kind => listArtifacts(store, { kind, limit: listed })))).flat();
      return Promise.all(
        made
          .filter(a => a.releasedMs === null)
          .map(async a => ({
            artifact: a.id,
            model: a.inputs.find(i => i.name === "model")?.artifact ?? "",
            report: await timedReport(store, a),
          })),
      );
    },
    revisions: () => revisionsOf(store),
    graph: id => unlessMissing(() => graphOf(store, id)),
    async dataSets() {
      const newest = await newestOfEach(store, { limit: listed });
      return [...newest].map(([name, a]) => ({ name, artifact: a.id, createdAt: a.createdMs, summary: a.summary }));
    },
    dataReport: id =>
      unlessMissing(async () => {
        const known = reports.get(id);
        if (known) return known;
        const artifact = await openArtifact(store, id);
        if (artifact.kind !== "documents") return undefined;
        // Kept as a promise: pages that ask at once wait for one reading of the texts.
        const report = dataReport(artifact);
        reports.set(id, report);
        report.catch(() => reports.delete(id));
        for (const oldest of reports.keys()) if (reports.size > keptReports) reports.delete(oldest);
        return report;
      }),
  };
}
