/**
 * The executor for many processes that share nothing but the record and the blobs of a store: tasks are taken from a board in the database, and
 * what they leave are blobs, named by their content, that the task's output lists. Whoever started the run holds the recipe's lock, so that
 * nothing is collected meanwhile; the others are workers that come and go.
 */
import { randomUUID } from "node:crypto";
import { chargeElsewhere, ownProcessorSeconds } from "../../ledger/index.ts";
import { type BlobStore, type SharedJob, type Store, type TaskBoard, taskBoard } from "../../store/index.ts";
import { type NamedSource, openSources } from "../sources/several.ts";
import type { Executor } from "./executor.ts";
import { type DataJob, recordsOfPartition } from "./job.ts";
import { projectResources } from "./project-files.ts";
import { type TaskRunner, taskRunner } from "./tasks.ts";
import { type PartitionResult, readStream, type StepWorkspace, type TaskId } from "./workspace.ts";

/** What a worker elsewhere is told; plain data. It must find the project's folder, or the same sources, where it is. */
export interface JobSpec {
  readonly job: DataJob;
  readonly sources: readonly NamedSource[];
  /** Digests of files that steps need, by path. */
  readonly files: Readonly<Record<string, string>>;
}

/** What is recorded of a task: its result, and where its files are. */
interface Output {
  readonly result: PartitionResult;
  readonly blobs: Readonly<Record<string, string>>;
  /** The process that did it, and the processor time that it took there; absent in outputs of earlier versions. */
  readonly by?: string;
  readonly coreSeconds?: number;
}

/** Tells processes apart. */
const thisProcess = randomUUID();

/** Between two looks at tasks that others do, ms. */
const lookMs = 200;

interface SharedWorkspace extends StepWorkspace {
  /** What `finish` of an output left to be recorded. */
  outputOf(id: TaskId): Output | undefined;
}

/** Files as blobs. A task's result is known to all once its output is on the board. */
export function sharedWorkspace(board: TaskBoard, blobs: BlobStore): SharedWorkspace {
  const known = new Map<string, Output>();
  const pending = new Map<string, Output>();
  const keyOf = ({ wave, task }: TaskId) => `${wave}/${task}`;
  async function find(id: TaskId): Promise<Output | undefined> {
    const key = keyOf(id);
    if (!known.has(key))
      // as its task wrote it
      for (const [task, output] of await board.outputs(id.wave)) known.set(keyOf({ wave: id.wave, task }), output as unknown as Output);
    return known.get(key);
  }
  const digestOf = async (id: TaskId, name: string) => (await find(id))!.blobs[name]!;
  return {
    outputOf: id => pending.get(keyOf(id)),
    result: async id => (await find(id))?.result,
    async begin(id) {
      const files: Record<string, number> = {};
      const made: Record<string, string> = {};
      return {
        async put(name, pieces) {
          const { digest, sizeBytes } = await blobs.put(Buffer.concat(pieces));
          made[name] = digest;
          files[name] = sizeBytes;
        },
        async finish(values) {
          const result = { files, values };
          pending.set(keyOf(id), { result, blobs: made });
          return result;
        },
        async abandon() {},
      };
    },
    read: async (id, name) => blobs.read(await digestOf(id, name)),
    async *stream(id, name, range) {
      const digest = await digestOf(id, name);
      if (range) yield* readStream(await blobs.localPath(digest), range);
      else yield* blobs.stream(digest);
    },
    // Another process may still be about to read; what nothing needs is for gc.
    async discard() {},
  };
}

const pause = (ms: number) => new Promise<void>(next => setTimeout(next, ms));

/** Takes tasks of a wave as long as there are any, and waits for those of others. */
export function sharedExecutor(runner: TaskRunner, board: TaskBoard, workspace: SharedWorkspace): Executor {
  let chargedBefore: Promise<ReadonlySet<string>> | undefined;
  return {
    isHere: true,
    async wave(tasks, { signal, onProgress, onDone }) {
      const [first] = tasks;
      if (!first) return;
      const { wave } = first;
      chargedBefore ??= outputsOf(runner, board);
      const before = await chargedBefore;
      await board.offer(wave, runner.tasksOf(wave));
      const told = new Set<number>();
      const tell = async (): Promise<number> => {
        const outputs = await board.outputs(wave);
        for (const { task } of tasks) {
          const output = outputs.get(task) as Output | undefined;
          if (output === undefined || told.has(task)) continue;
          told.add(task);
          if (output.by !== thisProcess && !before.has(`${wave}/${task}`)) chargeElsewhere(output.coreSeconds ?? 0);
          onDone?.({ wave, task });
        }
        return outputs.size;
      };
      for (;;) {
        signal?.throwIfAborted();
        const held = await board.take(wave);
        if (!held) {
          if ((await tell()) >= runner.tasksOf(wave) || !(await board.isOpen())) return;
          await pause(lookMs);
          continue;
        }
        const id = { wave, task: held.task };
        const stop = signal ? AbortSignal.any([signal, held.lost]) : held.lost;
        try {
          const began = ownProcessorSeconds();
          await runner.run(id, { signal: stop, ...(onProgress ? { onProgress: p => onProgress(id, p) } : {}) });
          const output = { ...workspace.outputOf(id), by: thisProcess, coreSeconds: ownProcessorSeconds() - began };
          await held.finish(JSON.parse(JSON.stringify(output)));
          await tell();
        } catch (error) {
          await held.release().catch(() => {});
          // Given to another: that one does it.
          if (!held.lost.aborted) throw error;
        }
      }
    },
    close: async () => {},
  };
}

/** Tasks that were done before this process took part: who ran the job then was charged for them. */
async function outputsOf(runner: TaskRunner, board: TaskBoard): Promise<ReadonlySet<string>> {
  const done = new Set<string>();
  for (const wave of runner.waves.keys()) for (const task of (await board.outputs(wave)).keys()) done.add(`${wave}/${task}`);
  return done;
}

export interface WorkOptions {
  /** The project's folder, as this process sees it. */
  readonly folder: string;
  readonly signal?: AbortSignal | undefined;
  /** Called when this process has done a task. */
  readonly onDone?: (done: TaskId, waves: number) => void;
}

/**
 * Works on a shared job until it is done or taken off the board; answers how many tasks this process did. Waves that need models are left to
 * who started it.
 */
export async function workOn(store: Store, { id, spec }: SharedJob, { folder, signal, onDone }: WorkOptions): Promise<number> {
  // as the job's maker wrote it
  const { job, sources, files } = spec as unknown as JobSpec;
  const board = taskBoard(store, id);
  const workspace = sharedWorkspace(board, store.blobs);
  const open = await openSources(sources, folder);
  let done = 0;
  try {
    const runner = await taskRunner(job, {
      workspace,
      resources: projectResources(folder, files),
      records: (partition, onBytes) => recordsOfPartition(open, job, partition, onBytes),
    });
    const counted: TaskRunner = {
      ...runner,
      async run(task, around) {
        const result = await runner.run(task, around);
        done++;
        onDone?.(task, runner.waves.length);
        return result;
      },
    };
    const executor = sharedExecutor(counted, board, workspace);
    for (const [w, wave] of runner.waves.entries()) {
      const tasks = Array.from({ length: runner.tasksOf(w) }, (_, task) => ({ wave: w, task }));
      while ((await board.outputs(w)).size < tasks.length) {
        signal?.throwIfAborted();
        if (!(await board.isOpen())) return done;
        if (wave.kind === "documents" && wave.atHost) await pause(lookMs);
        else await executor.wave(tasks, { signal });
      }
    }
    return done;
  } finally {
    await open.close();
  }
}
