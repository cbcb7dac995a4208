/** `loam data card`: the data card on stdout, or with --out as files for people and machines. */
import { dataCardMarkdown } from "../../data/index.ts";

import { showDataCard, writeDataCard } from "../../project/data/index.ts";
import { warnStale } from "../data/stale.ts";
import { textOption } from "../options.ts";
import type { VerbRun } from "../verb.ts";
import { inProject } from "../verb-folder.ts";

export const dataCardVerb: VerbRun = async (context, [name], options) => {
  const { out } = context;
  const to = textOption(options, "out");
  await inProject(context, options, async at => {
    if (to === undefined) {
      const { set, card } = await showDataCard(at, name);
      warnStale(out, set);
      out.line(dataCardMarkdown(card).trimEnd());
      return out.result(card);
    }
    const { set, folder, files } = await writeDataCard(at, name, { to, force: options.force === true });
    warnStale(out, set);
    out.line(`  ${files.join(", ")} in ${to}`);
    out.result({ name: set.name, artifact: set.artifact, folder, files });
  });
};
