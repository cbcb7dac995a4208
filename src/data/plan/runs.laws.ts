/** What tests of jobs share: records at hand through steps, and the files that came out. */
import { defined } from "../../base/index.ts";
import type { ArtifactWriter } from "../../store/index.ts";
import { curate } from "../pipeline.ts";
import type { Resources } from "../resources.ts";
import type { ReadRecord } from "../sources/source.ts";
import { type SplitOptions, splitOptions } from "../steps/split/options.ts";
import { stepEntry } from "../steps/step-entry.ts";
import { chooseStep } from "../steps/steps.ts";
import type { Assembled } from "./assemble.ts";
import type { Executor } from "./executor.ts";
import type { DataJob, Wave } from "./job.ts";
import type { KeptTasks } from "./kept.ts";
import type { TaskRunner } from "./tasks.ts";
import { memoryWorkspace, type StepWorkspace } from "./workspace.ts";

export const good = (key: string, text: string, edits: { rule: string; value: number }[] = []): ReadRecord => ({
  ok: true,
  key,
  place: `${key}.txt`,
  text,
  attributes: {},
  edits,
});
export const bad = (place: string): ReadRecord => ({ ok: false, place, reason: "json", message: "broken" });

export interface Given {
  readonly steps: readonly unknown[];
  readonly split?: Partial<SplitOptions>;
  readonly keep?: readonly string[];
  readonly forget?: readonly string[];
  readonly maxBad?: number;
  readonly bins?: number;
  readonly workspace?: StepWorkspace;
  readonly resources?: Resources;
  executor?(runner: TaskRunner): Executor;
  readonly signal?: AbortSignal;
  kept?(job: DataJob, first: Wave): KeptTasks;
  /** Called with each partition that is read. */
  onRead?(partition: number): void;
}

export const jobOfRecords = (partitions: number, { steps, split, keep, forget, bins }: Given): DataJob => ({
  name: "t",
  partitions: Array.from({ length: partitions }, (_, p) => [{ path: `p${p}`, sizeBytes: 1, sha256: "" }]),
  bins: bins ?? 1,
  steps: steps.map(e => chooseStep(stepEntry.parse(e))),
  split: splitOptions.parse({ heldOut: 0, ...split }),
  keep: keep ?? [],
  forget: forget ?? [],
});

export interface Made extends Assembled {
  readonly files: ReadonlyMap<string, Buffer>;
  /** Lines of a JSON Lines file. */
  rows<T>(name: string): T[];
}

/** Runs records, a list a partition. */
export async function runRecords(partitions: readonly (readonly ReadRecord[])[], given: Given): Promise<Made> {
  const files = new Map<string, Buffer>();
  const write: ArtifactWriter["writeStream"] = async (name, data) => {
    const parts: Buffer[] = [];
    for await (const p of data) parts.push(Buffer.from(p));
    files.set(name, Buffer.concat(parts));
  };
  const output: ArtifactWriter = { write: (name, data) => write(name, [data]), writeStream: write };
  const job = jobOfRecords(partitions.length, given);
  const made = await curate(job, output, {
    ...(given.kept ? { kept: first => given.kept!(job, first) } : {}),
    workspace: given.workspace ?? memoryWorkspace(),
    async *records(partition) {
      given.onRead?.(partition);
      yield* partitions[partition]!;
    },
    maxBad: new Map([[undefined, given.maxBad ?? 0.1]]),
    ...(given.executor ? { executor: runner => given.executor!(runner) } : {}),
    ...defined({ resources: given.resources }),
    signal: given.signal,
  });
  return {
    ...made,
    files,
    rows: <T>(name: string) =>
      files
        .get(name)!
        .toString("utf8")
        .split("\n")
        .filter(l => l !== "")
        .map(l => JSON.parse(l) as T),
  };
}
