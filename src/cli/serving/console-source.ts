/** What the console's pages show of the record: models, runs, evaluations and lineage, read from a project's store when they are asked for. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { isLoamError, readText } from "../../base/index.ts";
import { type DataReport, dataReport } from "../../data/index.ts";
import type { ConsoleGraph, ConsoleSource, MetricPoint } from "../../serve/index.ts";
import { type ArtifactInfo, artifactId, listArtifacts, listModels, listRuns, openArtifact, type Store, trace } from "../../store/index.ts";
import { readMetrics } from "../../train/index.ts";
import { machine } from "../machine.ts";
import { artifactPreview } from "../tuning/preview-examples.ts";
import { releaseSource } from "./release-source.ts";

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

/** What a run that is under way has written so far; a line that is being written is not yet a point. */
function liveMetrics(path: string): readonly MetricPoint[] {
  if (!existsSync(path)) return [];
  return readMetrics(readText(path).split("\n").slice(0, -1).join("\n"));
}

async function graphOf(store: Store, id: string): Promise<ConsoleGraph> {
  const found = await trace(store, id, { first: 0 });
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

/** `project` is the project's name; null where it has none, or where there is no project. */
export function consoleSource(project: string | null, store: Store): ConsoleSource {
  const facts = machine();
  const metrics = new Map<string, readonly MetricPoint[]>();
  const reports = new Map<string, Promise<DataReport>>();
  const examples = new Map<string, ReturnType<typeof artifactPreview>>();
  return {
    project,
    releases: releaseSource(store),
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
      const made = await listArtifacts(store, { kind: "model", limit: listed });
      const going = runs.filter(r => r.state === "running" && r.stage === "train");
      const underWay = going.map(r => ({
        artifact: artifactId("model", r.recipe),
        stage: r.stage,
        startedAt: r.startedMs,
        endedAt: null,
        summary: {},
      }));
      const finished = made.map(a => {
        const run = runs.find(r => r.artifact === a.id && r.state === "done");
        return {
          artifact: a.id,
          stage: a.stage.name,
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
        const live = (await listRuns(store, { limit: 100 })).find(r => r.state === "running" && artifactId("model", r.recipe) === id);
        if (live) return liveMetrics(join(store.scratchFolder, live.recipe, "metrics.jsonl"));
        const artifact = await openArtifact(store, id);
        const points = artifact.files.some(f => f.name === "metrics.jsonl")
          ? readMetrics((await artifact.read("metrics.jsonl")).toString("utf8"))
          : [];
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
    async evaluations() {
      const made = await listArtifacts(store, { kind: "evaluation", limit: listed });
      return Promise.all(
        made
          .filter(a => a.releasedMs === null)
          .map(async a => ({
            artifact: a.id,
            model: a.inputs.find(i => i.name === "model")?.artifact ?? "",
            report: JSON.parse((await (await openArtifact(store, a.id)).read("report.json")).toString("utf8")) as unknown,
          })),
      );
    },
    graph: id => unlessMissing(() => graphOf(store, id)),
    async dataSets() {
      const made = (await listArtifacts(store, { kind: "documents", limit: listed })).filter(a => a.releasedMs === null);
      const newest = new Map<string, ArtifactInfo>();
      for (const a of made) {
        const name = String((a.options as { name?: unknown }).name ?? a.id);
        if (!newest.has(name)) newest.set(name, a);
      }
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
