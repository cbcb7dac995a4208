/** `loam data work`: does tasks of jobs that `loam data run --shared` put on the store's board. */
import { formatCount, isLoamError } from "../../base/index.ts";
import { workOn } from "../../data/index.ts";
import { findProject, withProjectStore } from "../../project/index.ts";
import { listJobs } from "../../store/index.ts";
import { numberOption } from "../options.ts";
import type { VerbRun } from "../verb.ts";
import { folderOf } from "../verb-folder.ts";

/** Between two looks at a board without jobs, ms. */
const lookMs = 500;

export const dataWork: VerbRun = async (context, _, options) => {
  const { out, signal } = context;
  const idleMs =
    options.once === true ? 0 : 1000 * (numberOption(options, "for", "data work", { least: 0, most: 1e7 }) ?? Number.POSITIVE_INFINITY);
  const project = findProject(folderOf(context, options));
  await withProjectStore(project, async store => {
    /** Jobs that went wrong here: they go wrong for whoever started them as well. */
    const failed = new Set<string>();
    let tasks = 0;
    for (let idleSince = performance.now(); ; ) {
      signal.throwIfAborted();
      const [job] = (await listJobs(store)).filter(j => !failed.has(j.id));
      if (job) {
        const { name } = (job.spec as { job: { name: string } }).job;
        const show = out.progress(`data/${name}`);
        try {
          const done = await workOn(store, job, {
            folder: project.folder,
            signal,
            onDone: ({ wave }, waves) => show({ stage: "data", done: (wave + 1) / waves, message: `part ${wave + 1} of ${waves}` }),
          });
          tasks += done;
          out.line(`  data/${name}: ${formatCount(done)} tasks done here`);
        } catch (error) {
          if (!isLoamError(error) || signal.aborted) throw error;
          failed.add(job.id);
          out.warn(`loam: data/${name}: ${error.message}`);
        }
        idleSince = performance.now();
      }
      if (performance.now() - idleSince >= idleMs) break;
      await new Promise(next => setTimeout(next, lookMs));
    }
    out.result({ event: "result", tasks });
  });
};
