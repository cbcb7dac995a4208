/** Runs a job: wave after wave, leaving out what is done already, and telling how far it is. */
import type { SetAside } from "../ledger.ts";
import { tooManyBad } from "../sources/several.ts";
import type { Executor } from "./executor.ts";
import { inline } from "./executor.ts";
import { type DataJob, type Wave, waveWidth } from "./job.ts";
import { lineFiles } from "./order-task.ts";
import type { DocumentsValues, TaskProgress, TaskRunner } from "./tasks.ts";
import { type StepWorkspace, type TaskId, valuesOf } from "./workspace.ts";

/** How far a job is. */
export interface JobProgress {
  /** What works now: `read to clean`, `deduplicate 2/3`. */
  readonly phase: string;
  readonly wave: number;
  readonly waves: number;
  readonly task: number;
  readonly tasks: number;
  /** Of this wave. */
  readonly documents: number;
  readonly bytes: number;
  readonly sourceBytes: number;
  /** Of the whole job so far. */
  readonly read: number;
  readonly dropped: number;
  readonly setAside: number;
}

export interface RunJobOptions {
  readonly job: DataJob;
  readonly runner: TaskRunner;
  readonly workspace: StepWorkspace;
  /** Does the waves that need no model; here, one task after the other, without it. */
  readonly executor?: Executor;
  /** Of each source: a count from 1 up, or a share below 1. The name of an only source is undefined. */
  readonly maxBad: ReadonlyMap<string | undefined, number>;
  /** Leaves what the first wave made, for a later run. */
  readonly keepsFirst?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: JobProgress) => void) | undefined;
}

const nameOf = (job: DataJob, wave: Wave): string => {
  const step = (position: number) => job.steps[position]?.step ?? "split";
  if (wave.kind === "order" || wave.kind === "columns") return wave.kind === "order" ? "putting in order" : "columns";
  if (wave.kind === "reduce") return `${step(wave.position)} ${wave.phase + 1}.${wave.round + 1}`;
  const named = wave.operations.map(o => (o.do === "read" ? "read" : step(o.position)));
  const [first, last] = [named[0] ?? "", named.at(-1) ?? ""];
  return first === last ? first : `${first} to ${last}`;
};

/** Removes what no later wave reads: documents that were written anew, messages that were read. */
async function tidy(runner: TaskRunner, workspace: StepWorkspace, done: number, keepsFirst: boolean): Promise<void> {
  const { waves } = runner;
  const wave = waves[done]!;
  if (wave.kind === "columns") return;
  const remove = async (from: number, wanted: (file: string) => boolean) => {
    if (from === 0 && keepsFirst) return;
    for (let task = 0; task < runner.tasksOf(from); task++) {
      const id = { wave: from, task };
      const { files } = (await workspace.result(id))!;
      await workspace.discard(id, Object.keys(files).filter(wanted));
    }
  };
  if (wave.kind === "reduce") {
    for (const from of wave.from) await remove(from, f => f.startsWith(`to-${wave.round}-`));
    return;
  }
  if (wave.kind === "order") {
    const isRun = new RegExp(`^(${[...lineFiles, "ids", "fates"].join("|")})\\.\\d+$`);
    for (const from of wave.from) await remove(from, f => isRun.test(f));
    return;
  }
  if (wave.from !== undefined && (wave.writes || done === waves.findLastIndex(w => w.kind === "documents")))
    await remove(wave.from, f => f.startsWith("docs."));
  // A phase's messages are read by the next phase and by the end of the step.
  if (wave.operations[0]?.do === "settle")
    for (const from of wave.told) await remove(from, f => f.startsWith("told-") || f.startsWith("shared."));
}

/** What a task of documents said of itself. */
export const documentsValues = async (workspace: StepWorkspace, id: TaskId): Promise<DocumentsValues> =>
  valuesOf(await workspace.result(id));

/** Errors: `data/tooManyBad`, the abort signal's reason, whatever a task throws. */
export async function runJob({ job, runner, workspace, executor, maxBad, keepsFirst, signal, onProgress }: RunJobOptions): Promise<void> {
  const here = inline(runner);
  const total = { read: 0, dropped: 0, setAside: 0 };
  const bytesOf = (id: TaskId): number => job.partitions[id.task]!.reduce((n, f) => n + f.sizeBytes, 0);
  for (const [w, wave] of runner.waves.entries()) {
    signal?.throwIfAborted();
    const tasks = Array.from({ length: runner.tasksOf(w) }, (_, task): TaskId => ({ wave: w, task }));
    const missing: TaskId[] = [];
    for (const id of tasks) if (!(await workspace.result(id))) missing.push(id);
    // The largest first: whoever is done early finds something small.
    if (wave.kind === "documents") missing.sort((a, b) => bytesOf(b) - bytesOf(a) || a.task - b.task);
    const going = new Map<number, TaskProgress>();
    let done = tasks.length - missing.length;
    const say = () => {
      if (!onProgress) return;
      const sum = { records: 0, documents: 0, bytes: 0, sourceBytes: 0, dropped: 0, setAside: 0 };
      for (const p of going.values()) for (const k of Object.keys(sum) as (keyof typeof sum)[]) sum[k] += p[k];
      onProgress({
        phase: nameOf(job, wave),
        wave: w,
        waves: runner.waves.length,
        task: done,
        tasks: tasks.length,
        documents: sum.documents,
        bytes: sum.bytes,
        sourceBytes: sum.sourceBytes,
        read: total.read + sum.records,
        dropped: total.dropped + sum.dropped,
        setAside: total.setAside + sum.setAside,
      });
    };
    say();
    const mustBeHere = wave.kind === "documents" && wave.atHost;
    await (executor && (executor.isHere || !mustBeHere) ? executor : here).wave(missing, {
      atOnce: waveWidth(wave),
      signal,
      onProgress(id, p) {
        going.set(id.task, p);
        say();
      },
      onDone() {
        done++;
        say();
      },
    });
    if (wave.kind === "documents")
      for (const id of tasks) {
        const v = await documentsValues(workspace, id);
        total.read += v.read;
        total.setAside += v.setAside;
        total.dropped += v.steps.reduce((n, s) => n + s.dropped, 0);
      }
    if (w === 0) await checkBad(job, workspace, tasks, maxBad, true);
    await tidy(runner, workspace, w, keepsFirst ?? false);
  }
}

/** Records of each source that could not be read, against its limit. */
async function checkBad(
  job: DataJob,
  workspace: StepWorkspace,
  tasks: readonly TaskId[],
  limits: RunJobOptions["maxBad"],
  isEnd: boolean,
): Promise<void> {
  for (const [name, maxBad] of limits) {
    let [read, setAside] = [0, 0];
    const first: SetAside[] = [];
    for (const id of tasks) {
      if (job.partitions[id.task]![0]!.of !== name) continue;
      const v = await documentsValues(workspace, id);
      read += v.read;
      setAside += v.setAside;
      if (v.setAside > 0 && first.length < 3) first.push(...(await setAsideOf(workspace, id)).slice(0, 3));
    }
    const error = tooManyBad({ place: name === undefined ? job.name : `${job.name}/${name}`, maxBad, read, setAside, first }, isEnd);
    if (error) throw error;
  }
}

export async function setAsideOf(workspace: StepWorkspace, id: TaskId): Promise<SetAside[]> {
  if (!("set-aside" in (await workspace.result(id))!.files)) return [];
  const text = (await workspace.read(id, "set-aside")).toString("utf8");
  return text
    .split("\n")
    .filter(l => l !== "")
    .map(l => JSON.parse(l) as SetAside);
}
