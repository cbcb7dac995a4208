/** The files of a documents artifact from what a job's last tasks left: parts one behind the other, and sums. */
import { nearest } from "../../base/index.ts";
import type { ArtifactWriter } from "../../store/index.ts";
import { dataErrors } from "../errors.ts";
import { type ColumnInfo, fatesFile, type MeasuresInfo, measuredIdsFile, measuresFile, type StepCount } from "../measures.ts";
import { steps as allSteps } from "../steps/steps.ts";
import type { DataJob } from "./job.ts";
import { type ColumnsValues, lineFiles, type OrderValues, readParts } from "./order-task.ts";
import { documentsValues, setAsideOf } from "./run-job.ts";
import type { DocumentsValues, TaskRunner } from "./tasks.ts";
import { type StepWorkspace, type TaskId, valuesOf } from "./workspace.ts";

export interface Assembled {
  readonly read: number;
  readonly kept: number;
  readonly dropped: number;
  readonly setAside: number;
  readonly forgotten: number;
  readonly spared: number;
  readonly train: number;
  readonly trainBytes: number;
  readonly heldOut: number;
  readonly heldOutBytes: number;
  readonly clusters: number;
  readonly clustered: number;
  readonly crossing: number;
  readonly templated: number;
  readonly reasons: Readonly<Record<string, number>>;
  readonly crossingValues: Readonly<Record<string, number>>;
  readonly steps: readonly StepCount[];
}

/** Whole lines of pieces. */
async function* linesOf(pieces: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const piece of pieces) {
    const all = rest.length === 0 ? piece : Buffer.concat([rest, piece]);
    let at = 0;
    for (let end = all.indexOf(10); end >= 0; end = all.indexOf(10, at)) {
      yield all.subarray(at, end);
      at = end + 1;
    }
    rest = all.subarray(at);
  }
}

interface TaskValues {
  readonly id: TaskId;
  readonly values: DocumentsValues;
}

/** What all tasks counted. */
function sumsOf(results: readonly TaskValues[]) {
  const sum = {
    read: 0,
    setAside: 0,
    forgotten: 0,
    spared: 0,
    train: 0,
    trainBytes: 0,
    heldOut: 0,
    heldOutBytes: 0,
    clusters: 0,
    clustered: 0,
    crossing: 0,
    templated: 0,
  };
  const reasons: Record<string, number> = {};
  const crossingValues: Record<string, number> = {};
  for (const { values } of results) {
    for (const k of Object.keys(sum) as (keyof typeof sum)[]) sum[k] += values[k];
    for (const [reason, n] of Object.entries(values.reasons)) reasons[reason] = (reasons[reason] ?? 0) + n;
    for (const [a, n] of Object.entries(values.crossingValues)) crossingValues[a] = (crossingValues[a] ?? 0) + n;
  }
  return { ...sum, reasons, crossingValues };
}

/** What each step counted. */
const stepCounts = (job: DataJob, results: readonly TaskValues[]): StepCount[] =>
  job.steps.map(({ step, version, options }, position): StepCount => {
    const own = results.flatMap(r => r.values.steps.filter(s => s.position === position));
    const of = (k: "seen" | "dropped" | "edited" | "spared") => own.reduce((n, s) => n + s[k], 0);
    return {
      position,
      step,
      version,
      kind: allSteps[step].kind,
      options,
      seen: of("seen"),
      dropped: of("dropped"),
      edited: of("edited"),
      spared: of("spared"),
    };
  });

function noDocuments(job: DataJob, read: number, reasons: Readonly<Record<string, number>>) {
  const counted = Object.entries(reasons)
    .sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1))
    .map(([r, n]) => `${n} ${r}`)
    .join(", ");
  return dataErrors.fail("noDocuments", {
    place: job.name,
    expected: "documents",
    received: read === 0 ? "none from the source" : `none of ${read} records (${counted})`,
    hint: "Check the source, its reader and the steps' thresholds.",
  });
}

/** `ids`: lines of ids that were read. */
async function unknownDocument(job: DataJob, unknown: string, ids: AsyncIterable<Buffer>) {
  const sample: string[] = [];
  for await (const line of ids) if (sample.push(line.toString("utf8")) === 20_000) break;
  const near = nearest(unknown, sample);
  return dataErrors.fail("unknownDocument", {
    place: `${job.name}: keep`,
    expected: "ids of documents that were read",
    received: `"${unknown}"`,
    hint: near ? `Did you mean "${near}"?` : "`loam data drops` lists ids.",
  });
}

/** Writes the columns of measured values, in their order. */
async function writeColumns(workspace: StepWorkspace, ids: readonly TaskId[], output: ArtifactWriter): Promise<ColumnInfo[]> {
  const made: { readonly id: TaskId; readonly column: ColumnsValues["columns"][number] }[] = [];
  for (const id of ids) for (const column of valuesOf<ColumnsValues>(await workspace.result(id)).columns) made.push({ id, column });
  made.sort((a, b) => a.column.place - b.column.place);
  const columns: ColumnInfo[] = [];
  const taken = new Set<string>();
  for (const { id, column } of made) {
    const file = freeName(column.info.file, taken);
    await output.writeStream(file, workspace.stream(id, column.file));
    columns.push({ ...column.info, file });
  }
  return columns;
}

/** `see` is shown every line of documents, kept and dropped, where it is given. Errors: `data/noDocuments`, `data/unknownDocument` (a name under `keep`), `data/duplicateId`. */
export async function assemble(
  job: DataJob,
  runner: TaskRunner,
  workspace: StepWorkspace,
  output: ArtifactWriter,
  see?: (side: "train" | "held-out" | "dropped", line: Buffer) => void,
): Promise<Assembled> {
  const waves = [...runner.waves.keys()].filter(w => runner.waves[w]!.kind === "documents");
  const partitions = job.partitions.length;
  const results: TaskValues[] = [];
  for (const wave of waves)
    for (let task = 0; task < partitions; task++) {
      const id = { wave, task };
      results.push({ id, values: await documentsValues(workspace, id) });
    }

  const { reasons, crossingValues, ...sum } = sumsOf(results);
  const steps = stepCounts(job, results);
  const dropped = steps.reduce((n, s) => n + s.dropped, 0);
  const kept = sum.train + sum.heldOut;
  if (kept === 0) throw noDocuments(job, sum.read, reasons);

  const wavesOf = (kind: "order" | "columns") => {
    const wave = runner.waves.findIndex(w => w.kind === kind);
    return Array.from({ length: runner.tasksOf(wave) }, (_, task): TaskId => ({ wave, task }));
  };
  const ranges = wavesOf("order");
  let documents = 0;
  const wanted = new Set(job.keep);
  for (const id of ranges) {
    const values = valuesOf<OrderValues>(await workspace.result(id));
    documents += values.documents;
    for (const found of values.found) wanted.delete(found);
  }
  async function* all(name: string): AsyncGenerator<Buffer> {
    for (const id of ranges) yield* readParts(workspace, id, name);
  }
  const [unknown] = wanted;
  if (unknown !== undefined) throw await unknownDocument(job, unknown, linesOf(all("ids")));
  async function* seen(name: (typeof lineFiles)[number]): AsyncGenerator<Buffer> {
    for await (const line of linesOf(all(name))) {
      if (name !== "ledger") see!(name, line);
      yield Buffer.concat([line, newline]);
    }
  }
  await output.writeStream(measuredIdsFile, all("ids"));
  await output.writeStream(fatesFile, all("fates"));
  await output.writeStream("members.txt", all("members"));
  for (const name of lineFiles) await output.writeStream(`${name}.jsonl`, see ? seen(name) : all(name));
  const aside = [];
  for (const { id } of results) aside.push(...(await setAsideOf(workspace, id)));
  aside.sort((a, b) => (a.place < b.place ? -1 : a.place > b.place ? 1 : 0));
  await output.writeStream(
    "set-aside.jsonl",
    aside.map(a => `${JSON.stringify(a)}\n`),
  );

  const columns = await writeColumns(workspace, wavesOf("columns"), output);
  const info: MeasuresInfo = { format: 1, documents, steps, columns };
  await output.write(measuresFile, `${JSON.stringify(info)}\n`);
  return { ...sum, kept, dropped, reasons, crossingValues, steps };
}

/** A name of its own for each file: rules that differ in signs only would share one. */
function freeName(file: string, taken: Set<string>): string {
  const dot = file.lastIndexOf(".");
  let name = file;
  for (let n = 2; taken.has(name); n++) name = `${file.slice(0, dot)}.${n}${file.slice(dot)}`;
  taken.add(name);
  return name;
}

const newline = Buffer.of(10);
