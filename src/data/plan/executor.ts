/**
 * Who carries out the waves of a job. An executor gets the tasks of one wave and does them in any order, in any number of places; what it must
 * keep is the workspace's promise: a task's files appear once and whole. `inline` does them here, one after the other.
 */
import type { TaskProgress, TaskRunner } from "./tasks.ts";
import type { TaskId } from "./workspace.ts";

interface WaveWatch {
  /** Tasks that may be under way at once. */
  readonly atOnce?: number;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: (task: TaskId, progress: TaskProgress) => void;
  readonly onDone?: (task: TaskId) => void;
}

export interface Executor {
  /** Whether tasks run in this process, with its models. */
  readonly isHere: boolean;
  /** Does the tasks of a wave that are not done; resolves when all are. */
  wave(tasks: readonly TaskId[], watch: WaveWatch): Promise<void>;
  close(): Promise<void>;
}

export const inline = (runner: TaskRunner): Executor => ({
  isHere: true,
  async wave(tasks, { signal, onProgress, onDone }) {
    for (const id of tasks) {
      signal?.throwIfAborted();
      await runner.run(id, { signal, ...(onProgress ? { onProgress: p => onProgress(id, p) } : {}) });
      onDone?.(id);
    }
  },
  close: async () => {},
});
