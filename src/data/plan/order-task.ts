/**
 * The last two waves: what the tasks of documents left, put in the order of ids, a range of ids a task; and the columns of measured values
 * over all ids, some columns a task. Ranges follow from the ids alone. Memory: a piece of each run; for columns 4 bytes a document, and 25 more
 * while one is put together.
 */
import { dataErrors } from "../errors.ts";
import { type ColumnInfo, decodeColumn, fate, measureRecorder } from "../measures.ts";
import type { JobContext } from "./context.ts";
import type { DocumentsValues } from "./documents-record.ts";
import { columnTasks } from "./job.ts";
import { cuts, type IdRange, type Merged, mergeRuns, type RunBlocks } from "./runs.ts";
import { type PartitionResult, type StepWorkspace, type TaskId, type TaskOutput, valuesOf } from "./workspace.ts";

/** Files of lines by id that become files of the data set, byte for byte. */
export const lineFiles = ["train", "held-out", "dropped", "ledger"] as const;

/** What a task of order says of itself. */
export interface OrderValues {
  readonly documents: number;
  /** Of the ids that are to stay, those that are here. */
  readonly found: readonly string[];
}
/** What a task of columns says of itself: each column with its place among all of them and its file. */
export interface ColumnsValues {
  readonly columns: readonly { readonly place: number; readonly file: string; readonly info: ColumnInfo }[];
}

/** A task of documents, and what it left. */
interface Left {
  readonly id: TaskId;
  readonly files: PartitionResult["files"];
  readonly values: DocumentsValues;
}

/** What all tasks of documents left, wave by wave. */
async function allLeft({ waves, workspace, tasksOf }: JobContext): Promise<Left[]> {
  const all: Left[] = [];
  for (const [wave, { kind }] of waves.entries())
    for (let task = 0; kind === "documents" && task < tasksOf(wave); task++) {
      const id = { wave, task };
      const { files, values } = (await workspace.result(id))!;
      all.push({ id, files, values: values as DocumentsValues });
    }
  return all;
}

const runsOf = (all: readonly Left[], name: string): RunBlocks[] =>
  all.flatMap(({ id, files, values }) =>
    Object.entries(values.runs)
      .filter(([file]) => file.slice(0, file.lastIndexOf(".")) === name)
      .map(([file, entries]) => ({ id, file, index: { entries, sizeBytes: files[file]! } })),
  );

/** Bytes of a file that a task writes in parts. */
const partBytes = 2 ** 23;

/** A file in parts `NAME.0`, `NAME.1`, ... */
function partWriter(output: TaskOutput, name: string) {
  let pieces: Uint8Array[] = [];
  let size = 0;
  let part = 0;
  const finish = async () => {
    if (size > 0) await output.put(`${name}.${part++}`, pieces);
    pieces = [];
    size = 0;
  };
  return {
    async add(piece: Uint8Array) {
      pieces.push(piece);
      size += piece.length;
      if (size >= partBytes) await finish();
    },
    finish,
  };
}

/** The bytes of what `partWriter` wrote. */
export async function* readParts(workspace: StepWorkspace, id: TaskId, name: string): AsyncGenerator<Buffer> {
  const { files } = (await workspace.result(id))!;
  for (let part = 0; `${name}.${part}` in files; part++) yield* workspace.stream(id, `${name}.${part}`);
}

/** Lines of a merge, one after the other. */
async function* each(merge: AsyncIterable<readonly Merged[]>): AsyncGenerator<Merged> {
  for await (const some of merge) yield* some;
}

const newline = Buffer.of(10);
const idLines = (ids: readonly string[]): Buffer => Buffer.from(ids.map(id => `${id}\n`).join(""));

/** Errors: `data/duplicateId`. */
export async function orderTask(context: JobContext, id: TaskId, signal: AbortSignal | undefined): Promise<PartitionResult> {
  const { job, workspace } = context;
  const all = await allLeft(context);
  const indices = all.flatMap(({ values }) =>
    Object.entries(values.runs).flatMap(([file, index]) => (file.startsWith("ids.") ? [index] : [])),
  );
  const bounds = cuts(indices, job.bins);
  const output = await workspace.begin(id);
  try {
    if (id.task > bounds.length) return await output.finish({ documents: 0, found: [] } satisfies OrderValues);
    const range: IdRange = { from: bounds[id.task - 1], before: bounds[id.task] };
    const wanted = new Set(job.keep);
    const found: string[] = [];
    const [ids, ranks, fates, members] = ["ids", "ranks", "fates", "members"].map(name => partWriter(output, name));
    const ends = each(mergeRuns(workspace, runsOf(all, "fates"), range))[Symbol.asyncIterator]();
    let end = await ends.next();
    let last: string | undefined;
    let documents = 0;
    for await (const some of mergeRuns(workspace, runsOf(all, "ids"), range)) {
      signal?.throwIfAborted();
      const places = new Uint32Array(2 * some.length);
      const becomes = new Uint8Array(some.length);
      for (const [i, { id: document, line, from }] of some.entries()) {
        if (document === last)
          throw dataErrors.fail("duplicateId", { place: job.name, expected: "each id once", received: `"${document}"` });
        last = document;
        if (wanted.has(document)) found.push(document);
        places[2 * i] = from.task;
        places[2 * i + 1] = Number(line);
        // Those of which nothing was said are trained on.
        becomes[i] = fate.train;
        if (!end.done && end.value.id === document) {
          becomes[i] = Number(end.value.line);
          end = await ends.next();
        }
      }
      documents += some.length;
      await ids!.add(idLines(some.map(m => m.id)));
      await ranks!.add(Buffer.from(places.buffer));
      await fates!.add(becomes);
      await members!.add(idLines(some.filter((_, i) => becomes[i]! < fate.firstDrop).map(m => m.id)));
    }
    for (const file of [ids, ranks, fates, members]) await file!.finish();
    for (const name of lineFiles) {
      const file = partWriter(output, name);
      for await (const some of mergeRuns(workspace, runsOf(all, name), range)) {
        signal?.throwIfAborted();
        await file.add(Buffer.concat(some.flatMap(m => [m.line, newline])));
      }
      await file.finish();
    }
    return await output.finish({ documents, found } satisfies OrderValues);
  } catch (error) {
    await output.abandon().catch(() => {});
    throw error;
  }
}

/** Which rank the documents of each partition have among all ids. */
interface OrderRanks {
  readonly documents: number;
  of(partition: number): Uint32Array;
}

/** Reads the ranks once. Memory: 4 bytes a document. */
export function rankReader({ job, waves, workspace, tasksOf }: JobContext): () => Promise<OrderRanks> {
  let made: Promise<OrderRanks> | undefined;
  const make = async (): Promise<OrderRanks> => {
    const wave = waves.findIndex(w => w.kind === "order");
    const ranks: Uint32Array[] = [];
    for (let task = 0; task < job.partitions.length; task++) {
      const { numbered } = valuesOf<DocumentsValues>(await workspace.result({ wave: 0, task }));
      ranks.push(new Uint32Array(numbered));
    }
    let documents = 0;
    for (let task = 0; task < tasksOf(wave); task++) {
      const { files } = (await workspace.result({ wave, task }))!;
      for (let part = 0; `ranks.${part}` in files; part++) {
        const bytes = await workspace.read({ wave, task }, `ranks.${part}`);
        for (let at = 0; at < bytes.length; at += 8) ranks[bytes.readUInt32LE(at)]![bytes.readUInt32LE(at + 4)] = documents++;
      }
    }
    return { documents, of: partition => ranks[partition]! };
  };
  return () => {
    made ??= make();
    return made;
  };
}

export async function columnsTask(
  context: JobContext,
  id: TaskId,
  readRanks: () => Promise<OrderRanks>,
  signal: AbortSignal | undefined,
): Promise<PartitionResult> {
  const { workspace } = context;
  const all = await allLeft(context);
  const names = new Map<string, Pick<ColumnInfo, "position" | "rule">>();
  for (const { values } of all)
    for (const { position, rule } of values.columns) names.set(`${String(position).padStart(4, "0")} ${rule}`, { position, rule });
  const mine = [...names]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, name], place) => ({ ...name, place }))
    .filter(({ place }) => place % columnTasks === id.task);
  const output = await workspace.begin(id);
  try {
    const columns: { place: number; file: string; info: ColumnInfo }[] = [];
    const ranks = mine.length > 0 ? await readRanks() : { documents: 0, of: () => new Uint32Array(0) };
    const order = Uint32Array.from({ length: ranks.documents }, (_, i) => i);
    for (const { position, rule, place } of mine) {
      signal?.throwIfAborted();
      const recorder = measureRecorder();
      for (const { id: left, values } of all)
        for (const info of values.columns) {
          if (info.position !== position || info.rule !== rule) continue;
          const own = ranks.of(left.task);
          recorder.recordColumn(info, decodeColumn(info, await workspace.read(left, info.file)), number => own[number]!);
        }
      for (const { info, pieces } of recorder.finish(order)) {
        const file = `column.${place}`;
        await output.put(
          file,
          pieces.map(p => (typeof p === "string" ? Buffer.from(p) : p)),
        );
        columns.push({ place, file, info });
      }
    }
    return await output.finish({ columns } satisfies ColumnsValues);
  } catch (error) {
    await output.abandon().catch(() => {});
    throw error;
  }
}
