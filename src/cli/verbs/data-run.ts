/** `loam data run`: the life up to curated documents, and what each step did. */
import { formatCount } from "../../base/index.ts";
import { readMeasures } from "../../data/index.ts";
import { dataNameOf } from "../../project/data/index.ts";
import { dataLinksOf, findProject, runLinks, withProjectStore } from "../../project/index.ts";
import { numberOption } from "../options.ts";
import { watchOf } from "../show-call.ts";
import type { VerbRun } from "../verb.ts";
import { folderOf } from "../verb-folder.ts";

export const dataRun: VerbRun = async (context, [given], options) => {
  const { out } = context;
  const project = findProject(folderOf(context, options));
  const workers = numberOption(options, "workers", "data run", { least: 1, most: 1024, whole: true });
  const names = given === undefined ? Object.keys(project.config.data) : [dataNameOf(project, given)];
  await withProjectStore(project, async store => {
    const artifacts: Record<string, string> = {};
    let ran = 0;
    for (const name of names) {
      const result = await runLinks(
        store,
        dataLinksOf(project, name, { workers, shared: options.shared === true }),
        { force: options.force === true },
        watchOf(context),
      );
      ran += result.ran;
      for (const [label, a] of result.made) artifacts[label] = a.id;
      const info = await readMeasures(result.made.get(`data/${name}`)!);
      for (const s of info?.steps ?? [])
        out.line(
          `      ${s.step.padEnd(18)} ${formatCount(s.seen).padStart(10)} seen ${formatCount(s.dropped).padStart(9)} dropped ${formatCount(s.edited).padStart(9)} edited${s.spared ? ` ${formatCount(s.spared)} kept by keep:` : ""}`,
        );
    }
    out.line(`\n  next: loam data report${names.length === 1 ? "" : " NAME"}, loam data drops, loam data explain DOCUMENT`);
    out.result({ event: "result", artifacts, ran });
  });
};
