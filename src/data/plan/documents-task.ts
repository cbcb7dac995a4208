/** A task of documents: a partition through a wave's operations, from its files or from where an earlier wave left it, to where they end up. */
import { sha256 } from "../../base/index.ts";
import { type Document, documentLine, textBytes } from "../document.ts";
import { dropEntry, type LedgerEdit, editEntry, keepEntry, type LedgerEntry, type SetAside, type StepVerdict } from "../ledger.ts";
import { type ColumnInfo, fate, measureRecorder } from "../measures.ts";
import { mix } from "../mix.ts";
import type { Applied, CorpusQuestion, DocumentJudgement } from "../steps/step.ts";
import { documentsOfBlock, documentWriter, type StoredBlock } from "./blocks.ts";
import { type JobContext, refOf } from "./context.ts";
import type { JobOperation, Wave } from "./job.ts";
import { outbox, messagesTo } from "./mail.ts";
import { type RunIndex, runWriter } from "./runs.ts";
import type { TaskId, TaskOutput, PartitionResult } from "./workspace.ts";

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
async function* storedBy({ workspace }: JobContext, id: TaskId): AsyncGenerator<StoredBlock> {
  const { files } = (await workspace.result(id))!;
  for (let k = 0; `docs.${k}` in files; k++) yield* documentsOfBlock(await workspace.read(id, `docs.${k}`));
}

const asksAll = ({ plans }: JobContext, operations: readonly JobOperation[]): boolean =>
  operations.some(o => o.do === "ask" && (o.phase === 0 || plans[o.position]!.phases[o.phase]!.everyone === true));

/** Sums of a task since it began. */
const nothingYet = () => ({
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
});

/** What a task writes of its documents, and counts of them: where they end up, what a step found, what the ledger says. */
class DocumentsRecord {
  readonly total = nothingYet();
  readonly setAside: SetAside[] = [];
  readonly #context: DocumentsContext;
  readonly #output: TaskOutput;
  readonly #runs = new Map<string, ReturnType<typeof runWriter>>();
  readonly #recorder = measureRecorder();
  readonly #counts = new Map<number, { position: number; seen: number; dropped: number; edited: number; spared: number }>();
  readonly #reasons: Record<string, number> = {};
  readonly #crossed: Record<string, number> = {};
  #highest = -1;

  constructor(context: DocumentsContext, output: TaskOutput) {
    this.#context = context;
    this.#output = output;
  }

  #runOf(name: string): ReturnType<typeof runWriter> {
    const run = this.#runs.get(name) ?? runWriter(this.#output, name);
    this.#runs.set(name, run);
    return run;
  }

  countOf(position: number) {
    let count = this.#counts.get(position);
    if (!count) {
      count = { position, seen: 0, dropped: 0, edited: 0, spared: 0 };
      this.#counts.set(position, count);
    }
    return count;
  }

  #ledger(entry: LedgerEntry) {
    return this.#runOf("ledger").add(entry.document, JSON.stringify(entry));
  }

  /** A document that was read: its number, and what reading changed. */
  async number(id: string, edits: readonly LedgerEdit[]): Promise<number> {
    const number = this.total.numbered++;
    await this.#runOf("ids").add(id, String(number));
    for (const e of edits) await this.#ledger(editEntry(id, "read", e));
    return number;
  }

  async #drop(document: Document, position: number, verdict: StepVerdict): Promise<void> {
    const { name } = this.#context.steps[position]!;
    this.total.dropped++;
    this.countOf(position).dropped++;
    await this.#runOf("fates").add(document.id, String(fate.firstDrop + position));
    this.#addReason(`${name}/${verdict.rule}`);
    const { keep: _, ...why } = verdict;
    await this.#runOf("dropped").add(
      document.id,
      JSON.stringify({
        id: document.id,
        source: document.source,
        dropped: { step: name, ...why },
        attributes: document.attributes,
        text: document.text,
      }),
    );
    await this.#ledger(dropEntry(document.id, name, verdict));
  }

  #addReason(reason: string): void {
    this.#reasons[reason] = (this.#reasons[reason] ?? 0) + 1;
  }

  /** Takes a step's finding into account; undefined when the document goes. */
  async settle(
    { document, number }: Going,
    position: number,
    { text, edits, attributes, verdicts }: Applied & DocumentJudgement,
  ): Promise<Going | undefined> {
    const { name } = this.#context.steps[position]!;
    const count = this.countOf(position);
    if (edits?.length) count.edited++;
    for (const e of edits ?? []) await this.#ledger(editEntry(document.id, name, e));
    const judged: Document =
      text === undefined && !attributes
        ? document
        : {
            ...document,
            ...(text === undefined ? {} : { text }),
            ...(attributes ? { attributes: { ...document.attributes, ...attributes } } : {}),
          };
    if (verdicts) {
      this.#recorder.record(number, position, name, verdicts);
      if (number > this.#highest) this.#highest = number;
    }
    const { drop: no, overruled } = mix(verdicts, this.#context.keep.has(document.id));
    if (overruled) {
      count.spared++;
      this.total.spared++;
      await this.#ledger(keepEntry(document.id, name, overruled));
    }
    if (!no) return { document: judged, number };
    await this.#drop(judged, position, no);
    return undefined;
  }

  /** Where a document ends up, by what it was told. */
  async place({ document }: Going, told: readonly Buffer[]): Promise<void> {
    const { total } = this;
    const { side, cluster, crossing, isTemplated, crossingValues } = this.#context.split.place(document.id, told);
    total.crossing += crossing;
    total.templated += isTemplated ? 1 : 0;
    for (const a of crossingValues) this.#crossed[a] = (this.#crossed[a] ?? 0) + 1;
    if (cluster !== undefined) total.clustered++;
    if (cluster === document.id) total.clusters++;
    const placed = cluster === undefined ? document : { ...document, attributes: { ...document.attributes, cluster } };
    const bytes = textBytes(document.text);
    if (side === "train") {
      total.train++;
      total.trainBytes += bytes;
    } else {
      total.heldOut++;
      total.heldOutBytes += bytes;
      await this.#runOf("fates").add(document.id, String(fate.heldOut));
    }
    await this.#runOf(side).add(document.id, documentLine(placed).trimEnd());
  }

  /** Writes what is left to write, and says what the task found. */
  async finish(): Promise<DocumentsValues> {
    const { setAside } = this;
    const runs: Record<string, RunIndex> = {};
    for (const run of this.#runs.values()) Object.assign(runs, await run.finish());
    if (setAside.length > 0) await this.#output.put("set-aside", [Buffer.from(setAside.map(s => `${JSON.stringify(s)}\n`).join(""))]);
    const columns: ColumnInfo[] = [];
    for (const { info, pieces } of this.#recorder.finish(Uint32Array.from({ length: this.#highest + 1 }, (_, i) => i))) {
      const name = `measures.${columns.length}`;
      await this.#output.put(
        name,
        pieces.map(p => (typeof p === "string" ? Buffer.from(p) : p)),
      );
      columns.push({ ...info, file: name });
    }
    for (const s of setAside) this.#addReason(s.reason);
    const { documents: _, bytes: __, sourceBytes: ___, dropped: ____, ...sums } = this.total;
    return {
      ...sums,
      setAside: setAside.length,
      steps: [...this.#counts.values()],
      reasons: this.#reasons,
      crossingValues: this.#crossed,
      columns,
      runs,
    };
  }
}

/** What documents of a partition are told by earlier waves, what waves said to all, and how documents answer. */
interface Messages {
  readonly told: Awaited<ReturnType<typeof messagesTo>>;
  readonly shared: readonly Buffer[];
  readonly box: ReturnType<typeof outbox>;
}

/** A batch through one operation; gives the documents that stay. */
async function operate(
  context: DocumentsContext,
  partition: number,
  record: DocumentsRecord,
  { told, shared, box }: Messages,
  batch: readonly Going[],
  operation: JobOperation,
): Promise<readonly Going[]> {
  if (operation.do === "read") return batch;
  const { position } = operation;
  if (operation.do === "ask") {
    const asked = batch.map(
      (g): CorpusQuestion => ({
        get document() {
          return g.document;
        },
        ref: refOf(partition, g.number),
        received: (operation.phase > 0 && told.get(g.number)) || [],
      }),
    );
    await context.plans[position]!.phases[operation.phase]!.ask(asked, box.send, shared);
    return batch;
  }
  if (position === context.job.steps.length) return batch;
  record.countOf(position).seen += batch.length;
  const { step, options, state, plan } = context.steps[position]!;
  const settleAll = async (findings: Iterable<Applied | undefined>): Promise<Going[]> => {
    const left: Going[] = [];
    let i = 0;
    for (const found of findings) {
      const g = batch[i++]!;
      const next = found ? await record.settle(g, position, found) : g;
      if (next) left.push(next);
    }
    return left;
  };
  if (operation.do === "settle")
    return settleAll(batch.map(g => (told.has(g.number) ? plan!.settle(g.document, told.get(g.number)!) : undefined)));
  if (step.kind === "document") return settleAll(eachApplied(batch, g => step.apply(g.document, options, state)));
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
  return settleAll(found);
}

/** Findings one by one: each is made when the one before it is settled. */
function* eachApplied(batch: readonly Going[], apply: (g: Going) => Applied): Generator<Applied> {
  for (const g of batch) yield apply(g);
}

/** The documents of a partition's files, numbered; what cannot be read is set aside. `onBytes` hears how far the files are read. */
async function* readDocuments(context: DocumentsContext, partition: number, record: DocumentsRecord): AsyncGenerator<Going> {
  const { total } = record;
  const prefix = `${context.job.name}:`;
  const times = new Map<string, number>();
  const records = context.records(partition, bytes => {
    total.sourceBytes = bytes;
  });
  for await (const read of records) {
    total.read++;
    if (!read.ok) {
      const { place, reason, message } = read;
      record.setAside.push({ place, reason, message });
      continue;
    }
    // Records of equal content in one file share a key; a number tells them apart.
    const base = `${prefix}${tidyKey(read.key)}`;
    const time = (times.get(base) ?? 0) + 1;
    times.set(base, time);
    const id = time === 1 ? base : `${base}~${time}`;
    if (context.isForgotten(id) !== undefined) {
      total.forgotten++;
      continue;
    }
    const number = await record.number(id, read.edits);
    yield { document: { id, text: read.text, source: read.place, attributes: read.attributes }, number };
  }
}

export async function documentsTask(
  context: DocumentsContext,
  id: TaskId,
  wave: Wave & { kind: "documents" },
  signal: AbortSignal | undefined,
  onProgress?: (p: TaskProgress) => void,
): Promise<PartitionResult> {
  const partition = id.task;
  const output = await context.workspace.begin(id);
  const isLast = id.wave === context.waves.findLastIndex(w => w.kind === "documents");
  const docs = documentWriter(output, "docs");
  const record = new DocumentsRecord(context, output);
  const { total, setAside } = record;
  const told = await messagesTo(context, wave.told, partition);
  const messages: Messages = { told, shared: await context.sharedBy(wave.told), box: outbox(output, context) };
  const say = () =>
    onProgress?.({
      records: total.read,
      documents: total.documents,
      bytes: total.bytes,
      sourceBytes: total.sourceBytes,
      dropped: total.dropped,
      setAside: setAside.length,
    });

  async function through(batch: readonly Going[]): Promise<void> {
    signal?.throwIfAborted();
    let left = batch;
    for (const operation of wave.operations) {
      if (left.length === 0) break;
      left = await operate(context, partition, record, messages, left, operation);
    }
    for (const g of left) {
      if (isLast) await record.place(g, (context.split.phases.length > 0 && told.get(g.number)) || []);
      else if (wave.writes) await docs.add(g);
    }
    if (messages.box.isFull()) await messages.box.flush();
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
    if (wave.from === undefined) for await (const g of readDocuments(context, partition, record)) await push(g, g.document.text.length);
    else
      for await (const stored of storedBy(context, { wave: wave.from, task: partition })) {
        const speaks = wave.writes || isLast || told.has(stored.number) || asksAll(context, wave.operations);
        if (speaks) await push(stored, stored.textBytes);
      }
    await through(batch);
    await messages.box.flush();
    await docs.finish();
    return await output.finish(await record.finish());
  } catch (error) {
    await output.abandon().catch(() => {});
    throw error;
  }
}
