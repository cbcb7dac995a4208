/**
 * The runs behind a version, an artifact or a run: every attempt at each artifact that it was made from, the searches of its models, and its evaluations. An
 * attempt counts once: one that a search made and a version goes on with belongs to the version.
 */
import { isLoamError, nearest } from "../../base/index.ts";
import {
  attemptsOf,
  findSubject,
  listModels,
  listRuns,
  listStudies,
  type RunInfo,
  runsOfStudy,
  type Store,
  type TraceNode,
  traceArtifact,
} from "../../store/index.ts";
import { wrongArgument } from "../errors.ts";
import { type CostCategory, categoryOfKind } from "./categories.ts";

/** Attempts at one artifact, or of one search. */
export interface CountedRuns {
  readonly what: string;
  readonly stage: string;
  readonly category: CostCategory;
  readonly artifact: string | null;
  readonly runs: readonly RunInfo[];
}
export interface LineageRuns {
  /** `mail-small@1`, or the artifact's or run's id. */
  readonly subject: string;
  readonly artifact: string | null;
  readonly counted: readonly CountedRuns[];
}

/** What one may have meant. */
async function knownNames(store: Store): Promise<string[]> {
  const versions = (await listModels(store)).flatMap(({ model, versions: all }) => [model, ...all.map(v => `${model}@${v.number}`)]);
  const runs = await listRuns(store, { limit: 200 });
  return [...versions, ...runs.flatMap(r => [r.id, ...(r.artifact === null ? [] : [r.artifact])])];
}

async function unknown(store: Store, text: string) {
  const known = await knownNames(store);
  const near = nearest(text, known);
  const hint = near
    ? `Did you mean "${near}"?`
    : known.length > 0
      ? "`loam models` lists versions."
      : "Nothing is recorded yet: run `loam train` first.";
  return wrongArgument("loam train cost", "a version, an artifact or a run of this record", `"${text}"`, hint);
}

/**
 * The runs that led to an artifact: the one that made it, which ended when it was recorded, and those before it that came to no end. Later ones that made the
 * same again, and those that found it made, are none of them.
 */
export function runsBehind(attempts: readonly RunInfo[], { id, createdMs }: Pick<TraceNode, "id" | "createdMs">): RunInfo[] {
  const end = attempts.findIndex(r => r.state === "done" && r.artifact === id && r.endedMs === createdMs);
  if (end < 0) return [];
  const before = attempts.slice(0, end);
  const last = before.findLastIndex(r => r.state === "done");
  return [...before.slice(last + 1), attempts[end]!];
}

/** Of a trace: what the subject was made from, its evaluations, and what those compare it with. */
function behind(
  nodes: readonly TraceNode[],
  edges: readonly { from: string; to: string; name: string }[],
  own: string,
  ancestors: ReadonlySet<string>,
) {
  const byId = new Map(nodes.map(n => [n.id, n]));
  const isEvaluation = (id: string) => categoryOfKind(byId.get(id)?.kind ?? "") === "evaluation";
  const evaluations = new Set(edges.filter(e => e.from === own && e.name === "model" && isEvaluation(e.to)).map(e => e.to));
  return { own, ancestors, evaluations, byId };
}

/** Baselines of evaluations, which the model itself was not made from. */
async function besideEvaluations(store: Store, evaluations: ReadonlySet<string>, known: ReadonlySet<string>): Promise<TraceNode[]> {
  const found = new Map<string, TraceNode>();
  for (const id of evaluations) {
    const trace = await traceArtifact(store, id, { first: 0 });
    const before = new Set(trace.madeFrom);
    for (const n of trace.nodes) if (before.has(n.id) && !known.has(n.id) && categoryOfKind(n.kind) === "evaluation") found.set(n.id, n);
  }
  return [...found.values()];
}

const nameIn = (options: unknown): string | undefined => {
  const name = typeof options === "object" && options !== null && "name" in options ? options.name : undefined;
  return typeof name === "string" ? name : undefined;
};

async function recipesOf(store: Store, ids: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  for (let i = 0; i < ids.length; i += 1000) {
    const rows = await store.records.read
      .selectFrom("artifacts")
      .select(["id", "recipe"])
      .where("id", "in", ids.slice(i, i + 1000))
      .execute();
    for (const { id, recipe } of rows) found.set(id, recipe);
  }
  return found;
}

/** Searches of the models of a lineage, in what they did before the artifact was made. */
async function sweepsOf(store: Store, models: ReadonlySet<string>, untilMs: number, counted: ReadonlySet<string>): Promise<CountedRuns[]> {
  const found: CountedRuns[] = [];
  for (const { id, spec } of await listStudies(store.records.read)) {
    const model = typeof spec === "object" && spec !== null && "model" in spec ? spec.model : undefined;
    if (typeof model !== "string" || !models.has(model)) continue;
    const runs = (await runsOfStudy(store, id)).filter(r => r.startedMs <= untilMs && !counted.has(r.id));
    if (runs.length > 0) found.push({ what: id, stage: "search", category: "sweeps", artifact: null, runs });
  }
  return found;
}

/** A run whose artifact is not there: its attempts alone are known. */
async function ofUnfinished(store: Store, run: RunInfo): Promise<LineageRuns> {
  const attempts = (await attemptsOf(store, [run.recipe])).get(run.recipe) ?? [];
  const category = /^(train$|tune-)/.test(run.stage) ? "training" : "other";
  return {
    subject: run.id,
    artifact: null,
    counted: [{ what: run.stage, stage: run.stage, category, artifact: null, runs: attempts.filter(r => r.state !== "done") }],
  };
}

async function ofArtifact(store: Store, subject: string, own: string): Promise<LineageRuns> {
  const trace = await traceArtifact(store, own, { first: 0 });
  const { ancestors, evaluations, byId } = behind(trace.nodes, trace.edges, own, new Set(trace.madeFrom));
  const ids = [...[...ancestors].toReversed(), own, ...evaluations];
  const nodes = [...ids.map(id => byId.get(id)!), ...(await besideEvaluations(store, evaluations, new Set(ids)))];
  const recipes = await recipesOf(
    store,
    nodes.map(n => n.id),
  );
  const attempts = await attemptsOf(store, [...new Set(recipes.values())]);
  const counted = nodes.map((n): CountedRuns => {
    const what = n.versions[0] ?? nameIn(n.options) ?? n.id;
    const runs = runsBehind(attempts.get(recipes.get(n.id)!) ?? [], n);
    return { what, stage: n.stage, category: categoryOfKind(n.kind), artifact: n.id, runs };
  });
  const models = new Set(
    nodes.filter(n => categoryOfKind(n.kind) === "training").flatMap(n => nameIn(n.options) ?? n.versions.map(v => v.split("@")[0]!)),
  );
  const known = new Set(counted.flatMap(c => c.runs.map(r => r.id)));
  const sweeps = await sweepsOf(store, models, byId.get(own)!.createdMs, known);
  return { subject, artifact: own, counted: [...counted, ...sweeps] };
}

/** Errors: project/argument for what names nothing, with the nearest name. */
export async function lineageRuns(store: Store, text: string): Promise<LineageRuns> {
  if (/^[0-9a-f]{16}$/.test(text)) {
    const [run] = await listRuns(store, { id: text, limit: 1 });
    if (run) return run.artifact === null ? ofUnfinished(store, run) : ofArtifact(store, run.id, run.artifact);
  }
  try {
    const { type, id, artifacts } = await findSubject(store, text);
    const [first] = artifacts;
    if (!first || type === "document") throw await unknown(store, text);
    return await ofArtifact(store, type === "version" ? id : first.id, first.id);
  } catch (error) {
    throw isLoamError(error, "store/notFound") ? await unknown(store, text) : error;
  }
}
