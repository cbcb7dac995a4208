/** Every run that the artifact store knows as a row: its options, its results where it has made an artifact, its last logged step while it trains. */
import { type Json, pauses } from "../../base/index.ts";
import type { CorePricesPart } from "../../ledger/index.ts";
import { listModels, listRuns, listStudies, optionsOfRuns, type RunInfo, type Store, trialsOf } from "../../store/index.ts";
import { lossUnit } from "../../tune/index.ts";
import { costRatesOf } from "../cost/index.ts";
import { artifactOf, liveLog, trainedKinds, trainingRuns } from "../serving/live-runs.ts";
import { metricUnits } from "./metric-units.ts";
import { noAnnotation, runAnnotations } from "./run-notes.ts";
import type { RunAnnotation, RunKind, RunRow, RunValue } from "./run-row.ts";

/** More than a person looks through; the newest. */
const mostRuns = 100_000;
/** Texts in options beyond this are no column. */
const mostCharacters = 200;
/** Where the loss of a model stands in its summary, the first that is there. */
const lossNames = ["heldOutNats", "validationLoss", "validationNats", "heldOut", "loss"];
/** Numbers of an evaluation that are of its test set. */
const ofTestSet: ReadonlySet<string> = new Set(["documents", "bytes", "tokens"]);

type Values = Record<string, RunValue>;

/** Scalars of nested options, with dots between the names. */
function flatten(value: Json, at: string, into: Values): void {
  if (value === null || value === undefined) return;
  if (typeof value === "number") into[at] = value;
  else if (typeof value === "boolean") into[at] = value ? "yes" : "no";
  else if (typeof value === "string") {
    if (value.length <= mostCharacters) into[at] = value;
  } else if (Array.isArray(value)) {
    const text = value.every(v => typeof v !== "object") ? value.join(", ") : JSON.stringify(value);
    if (text.length <= mostCharacters) into[at] = text;
  } else for (const [name, inner] of Object.entries(value)) flatten(inner as Json, at === "" ? name : `${at}.${name}`, into);
}

interface Artifact {
  readonly id: string;
  readonly kind: string;
  readonly stage: string;
  readonly options: string;
  readonly summary: string;
  readonly created_ms: number;
}

const parsed = (text: string): Record<string, Json> => JSON.parse(text) as Record<string, Json>;

function kindOf(stage: string, artifactKind: string | undefined, isTrial: boolean, name: string | undefined): RunKind {
  const isTrained = (trainedKinds as readonly string[]).includes(artifactKind ?? "") || /^(train$|tune-)/.test(stage);
  if (
    /^(evaluate|cross-validat|judge|baselines|measure)/.test(stage) ||
    artifactKind === "evaluation" ||
    artifactKind === "cross-validation"
  )
    return "evaluation";
  if (!isTrained || stage === "import") return artifactKind === undefined || stage === "import" ? "other" : "data";
  if (isTrial) return "trial";
  if (name?.startsWith("ft-")) return "job";
  return stage.startsWith("tune-") ? "tuning" : "training";
}

/** What rows are made from, read at once. */
interface Records {
  readonly artifacts: ReadonlyMap<string, Artifact>;
  /** Of artifacts: results that evaluations have of them. */
  readonly scores: ReadonlyMap<string, Values>;
  readonly versions: ReadonlyMap<string, string>;
  /** Of artifacts: the name of the data set behind them. */
  readonly data: ReadonlyMap<string, string>;
  readonly trials: ReadonlyMap<string, number>;
  readonly studies: ReadonlyMap<string, string>;
  readonly annotations: ReadonlyMap<string, RunAnnotation>;
  readonly live: ReadonlyMap<string, RunInfo>;
  /** Of runs without an artifact, as JSON. */
  readonly options: ReadonlyMap<string, string>;
}

/** The data set behind each artifact: the name that its documents were curated under, followed through the inputs. */
function dataNames(artifacts: ReadonlyMap<string, Artifact>, inputs: ReadonlyMap<string, readonly string[]>): Map<string, string> {
  const names = new Map<string, string>();
  const visit = (id: string, depth: number): string => {
    const known = names.get(id);
    if (known !== undefined || depth > 30) return known ?? "";
    names.set(id, "");
    const artifact = artifacts.get(id);
    const own = artifact?.kind === "documents" ? parsed(artifact.options).name : undefined;
    let name = typeof own === "string" ? own : "";
    for (const source of inputs.get(id) ?? []) name ||= visit(source, depth + 1);
    names.set(id, name);
    return name;
  };
  for (const id of artifacts.keys()) visit(id, 0);
  return names;
}

async function recordsOf(store: Store, runs: readonly RunInfo[]): Promise<Records> {
  const db = store.records.read;
  const rows = await db.selectFrom("artifacts").select(["id", "kind", "stage", "options", "summary", "created_ms"]).execute();
  const artifacts = new Map(rows.map(a => [a.id, a]));
  const inputs = new Map<string, string[]>();
  const scores = new Map<string, Values>();
  for (const { artifact, name, source } of await db.selectFrom("inputs").select(["artifact", "name", "source"]).execute()) {
    const list = inputs.get(artifact);
    if (list) list.push(source);
    else inputs.set(artifact, [source]);
    const of = artifacts.get(artifact);
    if (name !== "model" || of?.kind !== "evaluation") continue;
    const found = Object.entries(parsed(of.summary)).filter((e): e is [string, number] => typeof e[1] === "number" && !ofTestSet.has(e[0]));
    scores.set(source, { ...scores.get(source), ...Object.fromEntries(found) });
  }
  const versions = new Map<string, string>();
  for (const { model, versions: all } of await listModels(store))
    for (const v of all) if (!versions.has(v.artifact)) versions.set(v.artifact, `${model}@${v.number}`);
  const [trials, studies] = [new Map<string, number>(), new Map<string, string>()];
  for (const study of await listStudies(db)) {
    studies.set(study.id, study.name);
    for (const { number, outcome } of await trialsOf(db, study.id)) {
      const model = (outcome as { readonly artifacts?: { readonly model?: string } } | null)?.artifacts?.model;
      if (model !== undefined) trials.set(model, number);
    }
  }
  const live = new Map(trainingRuns(store, runs).map(r => [r.id, r]));
  const options = await optionsOfRuns(db);
  return {
    artifacts,
    options,
    scores,
    versions,
    data: dataNames(artifacts, inputs),
    trials,
    studies,
    annotations: await runAnnotations(db),
    live,
  };
}

/** Numbers of the last whole line of a log. */
function lastLogged(text: string): Values {
  const line = text.trimEnd().split("\n").at(-1);
  if (!line) return {};
  try {
    return Object.fromEntries(Object.entries(JSON.parse(line) as object).filter(([, v]) => typeof v === "number")) as Values;
  } catch {
    // a line of a stage of one's own
    return {};
  }
}

interface Subject {
  readonly id: string;
  readonly run: RunInfo | undefined;
  readonly artifact: Artifact | undefined;
}

function resultsOf(artifact: Artifact | undefined, scores: Values | undefined, logged: Values): Values {
  const own: Values = {};
  flatten(artifact ? parsed(artifact.summary) : {}, "", own);
  const { name: _, ...rest } = { ...logged, ...scores, ...own };
  return rest;
}

function rowOf(
  store: Store,
  { id, run, artifact }: Subject,
  records: Records,
  usdPerCoreHour: number,
  rates: ReturnType<typeof costRatesOf>,
): RunRow {
  const stage = run?.stage ?? artifact!.stage;
  const live = records.live.get(id);
  const options = parsed(artifact?.options ?? records.options.get(id) ?? "{}");
  const made = artifact?.id ?? (live ? artifactOf(live) : null);
  const results = resultsOf(artifact, artifact && records.scores.get(artifact.id), live ? lastLogged(liveLog(store, live)) : {});
  const version = artifact && records.versions.get(artifact.id);
  const named = artifact && parsed(artifact.summary).name;
  const model = typeof options.name === "string" ? options.name : typeof named === "string" ? named : undefined;
  const study = run?.ledger?.study;
  const used = run?.ledger?.used;
  const lossName = lossNames.find(n => typeof results[n] === "number");
  const kind = kindOf(stage, artifact?.kind, study !== undefined, model);
  const startedAt = run?.startedMs;
  const endedAt = run ? run.endedMs : artifact!.created_ms;
  const annotation = records.annotations.get(id) ?? noAnnotation;
  const own: Readonly<Record<string, RunValue | null | undefined>> = {
    name: version ?? model ?? stage,
    kind,
    stage,
    state: run?.state ?? "done",
    model,
    version,
    started: startedAt,
    ended: endedAt,
    duration: startedAt !== undefined && run?.endedMs != null ? run.endedMs - startedAt : undefined,
    loss: lossName === undefined ? undefined : results[lossName],
    cost: used && (used.coreSeconds / 3600) * usdPerCoreHour,
    coreHours: used && used.coreSeconds / 3600,
    energy: used && ((used.joules ?? used.coreSeconds * rates.wattsPerCore) * rates.pue) / 3.6e6,
    study: study === undefined ? undefined : (records.studies.get(study) ?? study),
    trial: artifact && records.trials.get(artifact.id),
    job: kind === "job" ? model : undefined,
    data: (artifact && records.data.get(artifact.id)) || undefined,
    tags: annotation.tags.map(t => t.tag).join(", ") || undefined,
    note: annotation.note?.text,
    error: run?.error ?? undefined,
    host: run?.owner.host,
    artifact: made,
    id,
  };
  const values: Values = {};
  for (const [key, value] of Object.entries(own)) if (value !== null && value !== undefined) values[key] = value;
  const { name: __, ...given } = options;
  flatten(given as Json, "options", values);
  const reported = Object.keys(results).filter(key => !Object.hasOwn(own, key));
  const units: Record<string, string> = { cost: "USD", coreHours: "core-hours", energy: "kWh", ...metricUnits(stage, reported) };
  if (lossName !== undefined) units.loss = lossUnit(stage);
  for (const key of reported) values[key] = results[key]!;
  return { id, artifact: made, stage, values, units, ...annotation };
}

/** The newest first. */
export async function readRuns(store: Store, prices: CorePricesPart): Promise<RunRow[]> {
  const runs = await listRuns(store, { limit: mostRuns });
  const records = await recordsOf(store, runs);
  const rates = costRatesOf(prices);
  const recorded = new Set(runs.map(r => r.artifact));
  const subjects: Subject[] = [
    ...runs.map(run => ({ id: run.id, run, artifact: run.artifact === null ? undefined : records.artifacts.get(run.artifact) })),
    // what came from elsewhere has no run here
    ...[...records.artifacts.values()].filter(a => !recorded.has(a.id)).map(artifact => ({ id: artifact.id, run: undefined, artifact })),
  ];
  const startOf = (s: Subject) => s.run?.startedMs ?? s.artifact!.created_ms;
  const rows: RunRow[] = [];
  // a server makes these rows beside its responses
  const pause = pauses();
  for (const subject of subjects.sort((a, b) => startOf(b) - startOf(a))) {
    await pause();
    rows.push(rowOf(store, subject, records, rates.price.usdPerCoreHour, rates));
  }
  return rows;
}
