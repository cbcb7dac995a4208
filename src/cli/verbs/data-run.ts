/** `loam data run`: the life up to curated documents, and what each step did. */
import { formatCount } from "../../base/index.ts";
import { curateData } from "../../project/data/index.ts";
import { launchOptions, numberOption } from "../options.ts";
import { watchOf } from "../show-call.ts";
import type { VerbRun } from "../verb.ts";
import { inProject } from "../verb-folder.ts";

export const dataRun: VerbRun = async (context, [given], options) => {
  const { out } = context;
  await inProject(context, options, async at => {
    const workers = numberOption(options, "workers", "data run", { least: 1, most: 1024, whole: true });
    const wanted = { workers, shared: options.shared === true, force: options.force === true, ...launchOptions(options, "data run") };
    const { artifacts, ran, sets } = await curateData(at, given, wanted, watchOf(context), ({ steps }) => {
      for (const s of steps)
        out.line(
          `      ${s.step.padEnd(18)} ${formatCount(s.seen).padStart(10)} seen ${formatCount(s.dropped).padStart(9)} dropped ${formatCount(s.edited).padStart(9)} edited${s.spared ? ` ${formatCount(s.spared)} kept by keep:` : ""}`,
        );
    });
    out.line(`\n  next: loam data report${sets.length === 1 ? "" : " NAME"}, loam data drops, loam data explain DOCUMENT`);
    out.result({ event: "result", artifacts, ran });
  });
};
