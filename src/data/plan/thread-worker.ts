/** A thread that does tasks of one job, one after the other, as they are asked for. */
import { parentPort, workerData } from "node:worker_threads";
import { isLoamError } from "../../base/index.ts";
import { openSources } from "../sources/several.ts";
import { recordsOfPartition } from "./job.ts";
import { projectResources } from "./project-files.ts";
import { taskRunner } from "./tasks.ts";
import type { ThreadMessage, ThreadSetup } from "./threads.ts";
import { folderWorkspace, type TaskId } from "./workspace.ts";

const { job, folder, sources, files, workspace } = workerData as ThreadSetup;
const say = (message: ThreadMessage) => parentPort!.postMessage(message);
/** Progress is said at most this often, ms. */
const sayMs = 100;

const open = await openSources(sources, folder);
const runner = await taskRunner(job, {
  workspace: folderWorkspace(workspace),
  resources: projectResources(folder, files),
  records: (partition, onBytes) => recordsOfPartition(open, job, partition, onBytes),
});

parentPort!.on("message", async (id: TaskId) => {
  let last = 0;
  try {
    await runner.run(id, {
      onProgress(progress) {
        const now = performance.now();
        if (now - last < sayMs) return;
        last = now;
        say({ kind: "progress", progress });
      },
    });
    say({ kind: "done" });
  } catch (error) {
    say({
      kind: "failed",
      ...(isLoamError(error) ? { problem: error.problem, row: error.row } : {}),
      message: error instanceof Error ? (error.stack ?? error.message) : String(error),
    });
  }
});
