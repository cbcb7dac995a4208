/**
 * Lines sorted by a document's id, written in runs that fit memory and merged when all are there (external merge sort). A line of a run is
 * the id, a tab, and what is to be written.
 */
import type { ByteRange, StepWorkspace, TaskId, TaskOutput } from "./workspace.ts";

/** Characters of lines that are sorted at once. */
const runLength = 2 ** 23;
/** Characters of lines between two entries of a run's index. */
const stretch = 2 ** 16;

/** Ids of a run, one every so often from the first on, and the byte where the line of each begins. */
export type RunIndex = readonly (readonly [id: string, at: number])[];

/** Writes lines as files `NAME.0`, `NAME.1`, ..., each sorted by id; lines of one id keep their order. */
export function runWriter(output: TaskOutput, name: string) {
  let lines: { readonly id: string; readonly line: string }[] = [];
  let size = 0;
  const indices: Record<string, RunIndex> = {};
  const flush = async () => {
    if (lines.length === 0) return;
    // Sorting is stable.
    lines.sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0));
    const pieces: Buffer[] = [];
    const index: [string, number][] = [];
    let at = 0;
    for (let i = 0; i < lines.length; ) {
      const first = lines[i]!.id;
      let text = "";
      for (; i < lines.length && text.length < stretch; i++) text += `${lines[i]!.id}\t${lines[i]!.line}\n`;
      const piece = Buffer.from(text);
      pieces.push(piece);
      index.push([first, at]);
      at += piece.length;
    }
    const file = `${name}.${Object.keys(indices).length}`;
    await output.put(file, pieces);
    indices[file] = index;
    lines = [];
    size = 0;
  };
  return {
    async add(id: string, line: string) {
      lines.push({ id, line });
      size += id.length + line.length + 2;
      if (size >= runLength) await flush();
    },
    /** The index of each file. */
    async finish(): Promise<Readonly<Record<string, RunIndex>>> {
      await flush();
      return indices;
    },
  };
}

/** Ids from `from` on and before `before`; undefined is no end. */
export interface IdRange {
  readonly from?: string | undefined;
  readonly before?: string | undefined;
}

/** Ids that cut what indices hold into `parts` of about one size, in order; fewer where there are not as many. */
export function cuts(indices: readonly RunIndex[], parts: number): string[] {
  const ids = indices.flatMap(index => index.map(([id]) => id)).sort();
  const found = new Set<string>();
  for (let p = 1; p < parts; p++) {
    const id = ids[Math.floor((p * ids.length) / parts)];
    if (id !== undefined) found.add(id);
  }
  return [...found];
}

/** The bytes of a run that may hold ids of a range; undefined where none do. */
function bytesOf({ entries, sizeBytes }: NonNullable<RunBlocks["index"]>, { from, before }: IdRange): ByteRange | undefined {
  let [start, end] = [0, sizeBytes];
  for (const [id, at] of entries) {
    if (from !== undefined && id < from) start = at;
    if (before !== undefined && id >= before) {
      end = at;
      break;
    }
  }
  return end > start ? { start, end } : undefined;
}

export interface RunBlocks {
  readonly id: TaskId;
  readonly file: string;
  /** Without them all of it is read, whatever the range. */
  readonly index?: { readonly entries: RunIndex; readonly sizeBytes: number };
}

/** A line of a merge: of which document, what, and from which task. */
export interface Merged {
  readonly id: string;
  readonly line: Buffer;
  readonly from: TaskId;
}

/** Lines that a merge gives out at once. */
const batch = 512;

/** A run being read: whole lines of the piece that is there, and the beginning of the next. */
class Cursor {
  readonly order: number;
  readonly run: RunBlocks;
  id = "";
  line: Buffer = Buffer.alloc(0);
  readonly #pieces: AsyncIterator<Buffer>;
  #piece: Buffer = Buffer.alloc(0);
  #at = 0;

  readonly #range: IdRange;
  #isOver = false;

  constructor(order: number, run: RunBlocks, pieces: AsyncIterable<Buffer>, range: IdRange) {
    this.order = order;
    this.run = run;
    this.#pieces = pieces[Symbol.asyncIterator]();
    this.#range = range;
  }

  /** The next line of the range, if the piece that is there has it. */
  next(): boolean {
    const { from, before } = this.#range;
    for (;;) {
      const end = this.#piece.indexOf(10, this.#at);
      if (end < 0) return false;
      const tab = this.#piece.indexOf(9, this.#at);
      this.id = this.#piece.toString("utf8", this.#at, tab);
      if (before !== undefined && this.id >= before) {
        this.#isOver = true;
        return false;
      }
      const lineAt = tab + 1;
      this.#at = end + 1;
      if (from !== undefined && this.id < from) continue;
      this.line = this.#piece.subarray(lineAt, end);
      return true;
    }
  }

  /** The next line, with as many pieces as it takes; false at the end of the run. */
  async load(): Promise<boolean> {
    for (;;) {
      const { value, done } = this.#isOver ? { value: undefined, done: true as const } : await this.#pieces.next();
      if (done || this.#isOver) {
        await this.#pieces.return?.();
        return false;
      }
      const rest = this.#piece.subarray(this.#at);
      this.#piece = rest.length === 0 ? value : Buffer.concat([rest, value]);
      this.#at = 0;
      if (this.next()) return true;
    }
  }
}

/** All lines of runs in a range of ids, by id, some at a time; lines of one id in the order of the runs. Memory: a piece of each run. */
export async function* mergeRuns(
  workspace: StepWorkspace,
  runs: readonly RunBlocks[],
  range: IdRange = {},
): AsyncGenerator<readonly Merged[]> {
  const heap: Cursor[] = [];
  const before = (a: Cursor, b: Cursor) => (a.id === b.id ? a.order < b.order : a.id < b.id);
  const sink = (from: number) => {
    for (let at = from; ; ) {
      let least = at;
      for (let child = 2 * at + 1; child <= 2 * at + 2; child++)
        if (child < heap.length && before(heap[child]!, heap[least]!)) least = child;
      if (least === at) return;
      [heap[at], heap[least]] = [heap[least]!, heap[at]!];
      at = least;
    }
  };
  for (const [order, run] of runs.entries()) {
    const bytes = run.index && bytesOf(run.index, range);
    if (run.index && !bytes) continue;
    const cursor = new Cursor(order, run, workspace.stream(run.id, run.file, bytes), range);
    if (await cursor.load()) heap.push(cursor);
  }
  for (let i = heap.length >> 1; i >= 0; i--) sink(i);
  let some: Merged[] = [];
  while (heap.length > 0) {
    const first = heap[0]!;
    some.push({ id: first.id, line: first.line, from: first.run.id });
    if (some.length === batch) {
      yield some;
      some = [];
    }
    if (!first.next() && !(await first.load())) {
      const last = heap.pop()!;
      if (heap.length === 0) break;
      if (last !== first) heap[0] = last;
    }
    sink(0);
  }
  if (some.length > 0) yield some;
}
