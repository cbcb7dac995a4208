/** `loam data work`: does tasks of jobs that `loam data run --shared` put on the store's board. */
import { baseErrors, environment, formatCount } from "../../base/index.ts";
import { workOnData } from "../../project/data/index.ts";
import { numberOption } from "../options.ts";
import { watchOf } from "../show-call.ts";
import type { VerbRun } from "../verb.ts";
import { inProject } from "../verb-folder.ts";

export const dataWork: VerbRun = async (context, _, options) => {
  const { out } = context;
  const seconds = options.once === true ? 0 : numberOption(options, "for", "data work", { least: 0, most: 1e7 });
  const idleMs = seconds === undefined ? undefined : 1000 * seconds;
  const watch = watchOf({ ...context, signal: AbortSignal.any([context.signal, startersEnd()]) });
  try {
    const { tasks } = await inProject(context, options, at =>
      workOnData(at, { idleMs }, watch, (name, done) => out.line(`  data/${name}: ${formatCount(done)} tasks done here`)),
    );
    out.result({ event: "result", tasks });
  } finally {
    // the channel to its starter would keep this process alive, also where it is stopped
    if (isStarted() && process.connected) process.disconnect();
  }
};

/** Whether this process is a worker that another one started (src/launch). */
const isStarted = (): boolean => environment().LOAM_TASK !== undefined;

/** Aborts when the process that started this one as its worker is gone, however it went. */
function startersEnd(): AbortSignal {
  const left = new AbortController();
  if (isStarted())
    process.once("disconnect", () => left.abort(baseErrors.fail("interrupted", { message: "the run that this worker is of is gone" })));
  return left.signal;
}
