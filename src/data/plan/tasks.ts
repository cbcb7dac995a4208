/**
 * The tasks of a job, by wave and number. A task reads what earlier waves left and leaves its own; it decides nothing from where it runs.
 */
import { forgottenReason } from "../forget/forget.ts";
import { type JobEnvironment, openDataJob } from "./context.ts";
import { documentsTask, type TaskProgress } from "./documents-task.ts";
import type { DataJob, Wave } from "./job.ts";
import { sharedReader } from "./mail.ts";
import { columnsTask, orderTask, rankReader } from "./order-task.ts";
import { reduceTask } from "./reduce-task.ts";
import type { PartitionResult, TaskId } from "./workspace.ts";

export type { JobEnvironment } from "./context.ts";
export type { DocumentsValues } from "./documents-record.ts";
export type { TaskProgress } from "./documents-task.ts";

export interface TaskRunner {
  readonly waves: readonly Wave[];
  /** Tasks of a wave. */
  tasksOf(wave: number): number;
  run(
    id: TaskId,
    around?: { readonly signal?: AbortSignal | undefined; readonly onProgress?: (progress: TaskProgress) => void },
  ): Promise<PartitionResult>;
}

export async function taskRunner(job: DataJob, around: JobEnvironment): Promise<TaskRunner> {
  const context = await openDataJob(job, around);
  const ofDocuments = { ...context, keep: new Set(job.keep), isForgotten: forgottenReason(job.forget), sharedBy: sharedReader(context) };
  const ranks = rankReader(context);
  return {
    waves: context.waves,
    tasksOf: context.tasksOf,
    async run(id, { signal, onProgress } = {}) {
      const wave = context.waves[id.wave]!;
      if (wave.kind === "documents") return documentsTask(ofDocuments, id, wave, signal, onProgress);
      if (wave.kind === "reduce") return reduceTask(context, id, wave, signal);
      if (wave.kind === "order") return orderTask(context, id, signal);
      return columnsTask(context, id, ranks, signal);
    },
  };
}
