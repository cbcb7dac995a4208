/** What a task of documents writes and counts: where documents end up, what steps found, what the ledger says. */
import { defined } from "../../base/index.ts";
import { type Document, documentLine, textBytes } from "../document.ts";
import { dropEntry, editEntry, keepEntry, type LedgerEdit, type LedgerEntry, type SetAside, type StepVerdict } from "../ledger.ts";
import { type ColumnInfo, fate, measureRecorder } from "../measures.ts";
import { mix } from "../mix.ts";
import type { Applied, DocumentJudgement } from "../steps/step.ts";
import type { JobContext } from "./context.ts";
import { type RunIndex, runWriter } from "./runs.ts";
import type { TaskOutput } from "./workspace.ts";

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

/** A document under way; a stored one is taken apart when it is first asked for. */
export interface Going {
  readonly document: Document;
  readonly number: number;
}

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
export class DocumentsRecord {
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
            ...defined({ text }),
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
