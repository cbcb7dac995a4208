/** `loam data work`: does tasks of jobs that `loam data run --shared` put on the store's board. */
import { formatCount } from "../../base/index.ts";
import { workOnData } from "../../project/data/index.ts";
import { numberOption } from "../options.ts";
import { watchOf } from "../show-call.ts";
import type { VerbRun } from "../verb.ts";
import { inProject } from "../verb-folder.ts";

export const dataWork: VerbRun = async (context, _, options) => {
  const { out } = context;
  const seconds = options.once === true ? 0 : numberOption(options, "for", "data work", { least: 0, most: 1e7 });
  const idleMs = seconds === undefined ? undefined : 1000 * seconds;
  const { tasks } = await inProject(context, options, at =>
    workOnData(at, { idleMs }, watchOf(context), (name, done) => out.line(`  data/${name}: ${formatCount(done)} tasks done here`)),
  );
  out.result({ event: "result", tasks });
};
