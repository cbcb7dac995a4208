/** A task of documents: a partition through a wave's operations, from its files or from where an earlier wave left it, to where they end up. */
import { sha256 } from "../../base/index.ts";
import type { Applied, CorpusQuestion } from "../steps/step.ts";
import { documentsOfBlock, documentWriter, type StoredBlock } from "./blocks.ts";
import { type JobContext, refOf } from "./context.ts";
import { type DocumentsContext, DocumentsRecord, type Going } from "./documents-record.ts";
import type { JobOperation, Wave } from "./job.ts";
import { messagesTo, outbox } from "./mail.ts";
import type { PartitionResult, TaskId } from "./workspace.ts";

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

/** Ids are lines of files and arguments of commands: a key that would not fit there is named by its hash. */
const maxKeyLength = 512;
const tidyKey = (key: string) =>
  key.length <= maxKeyLength && !/[\p{Cc}\p{Surrogate}]/u.test(key) && key !== "" ? key : `#${sha256(key).slice(0, 16)}`;

/** Documents that go through the operations together. */
const batchDocuments = 64;
/** The documents that a task left. */
async function* storedBy({ workspace }: JobContext, id: TaskId): AsyncGenerator<StoredBlock> {
  const { files } = (await workspace.result(id))!;
  for (let k = 0; `docs.${k}` in files; k++) yield* documentsOfBlock(await workspace.read(id, `docs.${k}`));
}

const asksAll = ({ plans }: JobContext, operations: readonly JobOperation[]): boolean =>
  operations.some(o => o.do === "ask" && (o.phase === 0 || plans[o.position]!.phases[o.phase]!.everyone === true));

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
