/** A task of documents: a partition through a wave's operations, from its files or from where an earlier wave left it, to where they end up. */
import { sha256 } from "../../base/index.ts";
import { type Document, documentLine, sizeOf } from "../document.ts";
import { dropEntry, editEntry, keepEntry, type LedgerEntry, type SetAside, type Verdict } from "../ledger.ts";
import { type ColumnInfo, fate, measureRecorder } from "../measures.ts";
import { mix } from "../mix.ts";
import type { Applied, Asked, Judgement } from "../steps/step.ts";
import { documentsOfBlock, documentWriter, type Stored } from "./blocks.ts";
import { type JobContext, refOf } from "./context.ts";
import type { Operation, Wave } from "./job.ts";
import { outbox, toldTo } from "./mail.ts";
import { type RunIndex, runWriter } from "./runs.ts";
import type { TaskId, TaskResult } from "./workspace.ts";

/** How far a task is: sums since it began. */
export interface TaskProgress {
  readonly records: number;
  readonly documents: number;
  /** UTF-8 bytes of text. */
  readonly bytes: number;
  /** Of files. */
  readonly sourceBytes: number;
  readonly dropped: number;
  readonly setAside: number;
}

/** What a task of documents says of itself. */
export interface DocumentsValues {
  /** Records read, well or badly; only of the wave that reads. */
  readonly read: number;
  /** Documents that have a number in the partition; only of the wave that reads. */
  readonly numbered: number;
  readonly forgotten: number;
  readonly setAside: number;
  readonly train: number;
  readonly trainBytes: number;
  readonly heldOut: number;
  readonly heldOutBytes: number;
  readonly spared: number;
  /** Groups of two and more that the split kept together (counted where their first document is), and the documents in them. */
  readonly clusters: number;
  readonly clustered: number;
  /** Pairs of near-duplicates across the sides. */
  readonly crossing: number;
  /** Held-out documents of divided groups that are like a train document by their words. */
  readonly templated: number;
  readonly steps: readonly {
    readonly position: number;
    readonly seen: number;
    readonly dropped: number;
    readonly edited: number;
    readonly spared: number;
  }[];
  readonly reasons: Readonly<Record<string, number>>;
  /** Values on both sides, by attribute. */
  readonly crossingValues: Readonly<Record<string, number>>;
  readonly columns: readonly ColumnInfo[];
  /** Of each file of sorted lines, where to begin for which id. */
  readonly runs: Readonly<Record<string, RunIndex>>;
}

export interface DocumentsContext extends JobContext {
  /** Ids of documents that stay whatever the steps say. */
  readonly keep: ReadonlySet<string>;
  isForgotten(id: string): unknown;
  /** What waves said to all documents. */
  sharedBy(waves: readonly number[]): Promise<readonly Buffer[]>;
}

/** Ids are lines of files and arguments of commands: a key that would not fit there is named by its hash. */
const maxKeyLength = 512;
const tidyKey = (key: string) =>
  key.length <= maxKeyLength && !/[\p{Cc}\p{Surrogate}]/u.test(key) && key !== "" ? key : `#${sha256(key).slice(0, 16)}`;

/** Documents that go through the operations together. */
const batchDocuments = 64;
/** A document under way; a stored one is taken apart when it is first asked for. */
interface Going {
  readonly document: Document;
  readonly number: number;
}

/** The documents that a task left. */
async function* storedBy({ workspace }: JobContext, id: TaskId): AsyncGenerator<Stored> {
  const { files } = (await workspace.result(id))!;
  for (let k = 0; `docs.${k}` in files; k++) yield* documentsOfBlock(await workspace.read(id, `docs.${k}`));
}

const asksAll = ({ plans }: JobContext, operations: readonly Operation[]): boolean =>
  operations.some(o => o.do === "ask" && (o.phase === 0 || plans[o.position]!.phases[o.phase]!.everyone === true));

export async function documentsTask(
  context: DocumentsContext,
  id: TaskId,
  wave: Wave & { kind: "documents" },
  signal: AbortSignal | undefined,
  onProgress?: (p: TaskProgress) => void,
): Promise<TaskResult> {
  const { job, workspace, plans, split, waves } = context;
  const partition = id.task;
  const output = await workspace.begin(id);
  const isLast = id.wave === waves.findLastIndex(w => w.kind === "documents");
  const docs = documentWriter(output, "docs");
  const runs = new Map<string, ReturnType<typeof runWriter>>();
  const runOf = (name: string) => {
    let run = runs.get(name);
    if (!run) {
      run = runWriter(output, name);
      runs.set(name, run);
    }
    return run;
  };
  const box = outbox(output, context);
  const recorder = measureRecorder();
  const setAside: SetAside[] = [];
  const counts = new Map<number, { position: number; seen: number; dropped: number; edited: number; spared: number }>();
  const reasons: Record<string, number> = {};
  const crossed: Record<string, number> = {};
  const total = {
    read: 0,
    numbered: 0,
    forgotten: 0,
    train: 0,
    trainBytes: 0,
    heldOut: 0,
    heldOutBytes: 0,
    spared: 0,
    clusters: 0,
    clustered: 0,
    crossing: 0,
    templated: 0,
    documents: 0,
    bytes: 0,
    sourceBytes: 0,
    dropped: 0,
  };
  const told = await toldTo(context, wave.told, partition);
  const shared = await context.sharedBy(wave.told);
  const say = () =>
    onProgress?.({
      records: total.read,
      documents: total.documents,
      bytes: total.bytes,
      sourceBytes: total.sourceBytes,
      dropped: total.dropped,
      setAside: setAside.length,
    });
  let highest = -1;

  const countOf = (position: number) => {
    let count = counts.get(position);
    if (!count) {
      count = { position, seen: 0, dropped: 0, edited: 0, spared: 0 };
      counts.set(position, count);
    }
    return count;
  };
  const ledger = (entry: LedgerEntry) => runOf("ledger").add(entry.document, JSON.stringify(entry));

  async function drop(document: Document, position: number, verdict: Verdict) {
    const { name } = context.steps[position]!;
    total.dropped++;
    countOf(position).dropped++;
    await runOf("fates").add(document.id, String(fate.firstDrop + position));
    const reason = `${name}/${verdict.rule}`;
    reasons[reason] = (reasons[reason] ?? 0) + 1;
    const { keep: _, ...why } = verdict;
    await runOf("dropped").add(
      document.id,
      JSON.stringify({
        id: document.id,
        source: document.source,
        dropped: { step: name, ...why },
        attributes: document.attributes,
        text: document.text,
      }),
    );
    await ledger(dropEntry(document.id, name, verdict));
  }

  /** Takes a step's finding into account; undefined when the document goes. */
  async function settle(
    { document, number }: Going,
    position: number,
    { text, edits, attributes, verdicts }: Applied & Judgement,
  ): Promise<Going | undefined> {
    const { name } = context.steps[position]!;
    const count = countOf(position);
    if (edits?.length) count.edited++;
    for (const e of edits ?? []) await ledger(editEntry(document.id, name, e));
    const judged: Document =
      text === undefined && !attributes
        ? document
        : {
            ...document,
            ...(text === undefined ? {} : { text }),
            ...(attributes ? { attributes: { ...document.attributes, ...attributes } } : {}),
          };
    if (verdicts) {
      recorder.record(number, position, name, verdicts);
      if (number > highest) highest = number;
    }
    const { drop: no, overruled } = mix(verdicts, context.keep.has(document.id));
    if (overruled) {
      count.spared++;
      total.spared++;
      await ledger(keepEntry(document.id, name, overruled));
    }
    if (!no) return { document: judged, number };
    await drop(judged, position, no);
    return undefined;
  }

  async function each(batch: readonly Going[], position: number, found: readonly (Applied | undefined)[]): Promise<Going[]> {
    const left: Going[] = [];
    for (const [i, g] of batch.entries()) {
      const next = found[i] ? await settle(g, position, found[i]) : g;
      if (next) left.push(next);
    }
    return left;
  }

  async function operate(batch: readonly Going[], operation: Operation): Promise<readonly Going[]> {
    if (operation.do === "read") return batch;
    const { position } = operation;
    if (operation.do === "ask") {
      const asked = batch.map(
        (g): Asked => ({
          get document() {
            return g.document;
          },
          ref: refOf(partition, g.number),
          received: (operation.phase > 0 && told.get(g.number)) || [],
        }),
      );
      await plans[position]!.phases[operation.phase]!.ask(asked, box.send, shared);
      return batch;
    }
    if (position === job.steps.length) return batch;
    const { step, options, state, plan } = context.steps[position]!;
    countOf(position).seen += batch.length;
    if (operation.do === "settle")
      return each(
        batch,
        position,
        batch.map(g => (told.has(g.number) ? plan!.settle(g.document, told.get(g.number)!) : undefined)),
      );
    if (step.kind === "document") {
      const left: Going[] = [];
      for (const g of batch) {
        const next = await settle(g, position, step.apply(g.document, options, state));
        if (next) left.push(next);
      }
      return left;
    }
    if (step.kind !== "tagger") return batch;
    const found: Applied[] = [];
    for (let at = 0; at < batch.length; at += step.batch)
      found.push(
        ...(await step.tag(
          batch.slice(at, at + step.batch).map(g => g.document),
          options,
          state,
        )),
      );
    return each(batch, position, found);
  }

  /** Where a document ends up. */
  async function place({ document, number }: Going) {
    const { side, cluster, crossing, isTemplated, crossingValues } = split.place(
      document.id,
      (split.phases.length > 0 && told.get(number)) || [],
    );
    total.crossing += crossing;
    total.templated += isTemplated ? 1 : 0;
    for (const a of crossingValues) crossed[a] = (crossed[a] ?? 0) + 1;
    if (cluster !== undefined) total.clustered++;
    if (cluster === document.id) total.clusters++;
    const placed = cluster === undefined ? document : { ...document, attributes: { ...document.attributes, cluster } };
    const bytes = sizeOf(document.text);
    if (side === "train") {
      total.train++;
      total.trainBytes += bytes;
    } else {
      total.heldOut++;
      total.heldOutBytes += bytes;
      await runOf("fates").add(document.id, String(fate.heldOut));
    }
    await runOf(side).add(document.id, documentLine(placed).trimEnd());
  }

  async function through(batch: readonly Going[]) {
    signal?.throwIfAborted();
    let left = batch;
    for (const operation of wave.operations) {
      if (left.length === 0) break;
      left = await operate(left, operation);
    }
    for (const g of left) {
      if (isLast) await place(g);
      else if (wave.writes) await docs.add(g);
    }
    if (box.isFull()) await box.flush();
    say();
  }

  try {
    let batch: Going[] = [];
    const push = async (g: Going, bytes: number) => {
      total.documents++;
      total.bytes += bytes;
      batch.push(g);
      if (batch.length < batchDocuments) return;
      const full = batch;
      batch = [];
      await through(full);
    };
    if (wave.from === undefined) {
      const prefix = `${job.name}:`;
      const times = new Map<string, number>();
      for await (const record of context.records(partition, bytes => {
        total.sourceBytes = bytes;
      })) {
        total.read++;
        if (!record.ok) {
          const { place, reason, message } = record;
          setAside.push({ place, reason, message });
          continue;
        }
        // Records of equal content in one file share a key; a number tells them apart.
        const base = `${prefix}${tidyKey(record.key)}`;
        const time = (times.get(base) ?? 0) + 1;
        times.set(base, time);
        const docId = time === 1 ? base : `${base}~${time}`;
        if (context.isForgotten(docId) !== undefined) {
          total.forgotten++;
          continue;
        }
        const number = total.numbered++;
        await runOf("ids").add(docId, String(number));
        for (const e of record.edits) await ledger(editEntry(docId, "read", e));
        const document = { id: docId, text: record.text, source: record.place, attributes: record.attributes };
        await push({ document, number }, record.text.length);
      }
    } else
      for await (const stored of storedBy(context, { wave: wave.from, task: partition })) {
        const speaks = wave.writes || isLast || told.has(stored.number) || asksAll(context, wave.operations);
        if (speaks) await push(stored, stored.textBytes);
      }
    await through(batch);
    await box.flush();
    await docs.finish();
    const indices: Record<string, RunIndex> = {};
    for (const run of runs.values()) Object.assign(indices, await run.finish());
    if (setAside.length > 0) await output.put("set-aside", [Buffer.from(setAside.map(s => `${JSON.stringify(s)}\n`).join(""))]);
    const columns: ColumnInfo[] = [];
    for (const { info, pieces } of recorder.finish(Uint32Array.from({ length: highest + 1 }, (_, i) => i))) {
      const name = `measures.${columns.length}`;
      await output.put(
        name,
        pieces.map(p => (typeof p === "string" ? Buffer.from(p) : p)),
      );
      columns.push({ ...info, file: name });
    }
    for (const s of setAside) reasons[s.reason] = (reasons[s.reason] ?? 0) + 1;
    const { documents: _, bytes: __, sourceBytes: ___, dropped: ____, ...sums } = total;
    const values: DocumentsValues = {
      ...sums,
      setAside: setAside.length,
      steps: [...counts.values()],
      reasons,
      crossingValues: crossed,
      columns,
      runs: indices,
    };
    return await output.finish({ ...values });
  } catch (error) {
    await output.abandon().catch(() => {});
    throw error;
  }
}
