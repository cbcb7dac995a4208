/** Messages under way: bins that a task writes down now and then, and what others left for it. */
import type { Send } from "../steps/step.ts";
import { type Bin, bin, binOf, binRecords, blockOf } from "./bins.ts";
import { type JobContext, placeOfRef } from "./context.ts";
import type { StepWorkspace, TaskId, TaskOutput } from "./workspace.ts";

/** Bytes of bins a task holds before it writes them down. */
const heldBytes = 2 ** 25;

interface Outbox {
  readonly send: Send;
  tell(ref: number, value: Uint8Array): void;
  /** To all documents of the next phase. */
  share(value: Uint8Array): void;
  isFull(): boolean;
  flush(): Promise<void>;
}

export function outbox(output: TaskOutput, { job, toldBins }: Pick<JobContext, "job" | "toldBins">): Outbox {
  /** By round and bin, and by bin alone: a look-up by name would cost as much as the message. */
  const to: (Bin | undefined)[][] = [];
  const told: (Bin | undefined)[] = [];
  const shared: Uint8Array[] = [];
  let turn = 0;
  let added = 0;
  const add = (bins: (Bin | undefined)[], i: number, ...record: Parameters<Bin["add"]>) => {
    let b = bins[i];
    if (!b) {
      b = bin();
      bins[i] = b;
    }
    b.add(...record);
    added += record[1].length + 20;
  };
  return {
    send(round, key, value, owned) {
      let bins = to[round];
      if (!bins) {
        bins = [];
        to[round] = bins;
      }
      add(bins, binOf(key, job.bins), key, value, owned);
    },
    tell(ref, value) {
      const { partition, number } = placeOfRef(ref);
      add(told, partition % toldBins, [partition, number, 0, 0], value);
    },
    share(value) {
      shared.push(value);
      added += value.length;
    },
    isFull: () => added >= heldBytes,
    async flush() {
      for (const [round, bins] of to.entries())
        for (const [i, b] of (bins ?? []).entries()) if (b && b.count > 0) await output.put(`to-${round}-${i}.${turn}`, b.take());
      for (const [i, b] of told.entries()) if (b && b.count > 0) await output.put(`told-${i}.${turn}`, b.take());
      for (const [i, value] of shared.splice(0).entries()) await output.put(`shared.${turn}.${i}`, [value]);
      turn++;
      added = 0;
    },
  };
}

/** All parts of a file that a task wrote in turns. */
async function partsOf(workspace: StepWorkspace, id: TaskId, name: string): Promise<Buffer[]> {
  const parts: Buffer[] = [];
  for (const file of Object.keys((await workspace.result(id))!.files))
    if (file.startsWith(`${name}.`)) parts.push(await workspace.read(id, file));
  return parts;
}

/** Messages to the documents of a partition, by number: wave by wave, those of one sorted. */
export async function messagesTo(
  { workspace, toldBins, tasksOf }: JobContext,
  from: readonly number[],
  partition: number,
): Promise<Map<number, Buffer[]>> {
  const told = new Map<number, Buffer[]>();
  for (const wave of from) {
    const now = new Map<number, Buffer[]>();
    for (let task = 0; task < tasksOf(wave); task++)
      for (const { key, value } of blockOf(binRecords(await partsOf(workspace, { wave, task }, `told-${partition % toldBins}`)))) {
        if (key[0] !== partition) continue;
        const list = now.get(key[1]);
        if (list) list.push(value);
        else now.set(key[1], [value]);
      }
    for (const [number, list] of now) {
      list.sort(Buffer.compare);
      const before = told.get(number);
      if (before) before.push(...list);
      else told.set(number, list);
    }
  }
  return told;
}

/** What some waves said to all documents. Kept for the next task that asks: tasks of a wave all do. */
export function sharedReader({ workspace, tasksOf }: JobContext): (from: readonly number[]) => Promise<readonly Buffer[]> {
  let [last, kept]: [string, Promise<readonly Buffer[]>] = ["", Promise.resolve([])];
  return from => {
    const key = from.join();
    if (key === last) return kept;
    last = key;
    kept = (async () => {
      const all: Buffer[] = [];
      for (const wave of from)
        for (let task = 0; task < tasksOf(wave); task++) all.push(...(await partsOf(workspace, { wave, task }, "shared")));
      return all;
    })();
    return kept;
  };
}
