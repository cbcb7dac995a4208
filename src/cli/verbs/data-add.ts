/** `loam data add`: one more source for a data set (or the first of a new one): into loam.yaml, nothing else of it changed, then the data are made anew. */
import { formatCount } from "../../base/index.ts";
import { applyAdd, planAdd } from "../../project/data/index.ts";
import { flow } from "../../project/edit/index.ts";
import { projectFile } from "../../project/index.ts";
import { askYes } from "../data/ask-yes.ts";

import { textOption } from "../options.ts";
import { watchOf } from "../show-call.ts";
import type { VerbRun } from "../verb.ts";
import { inProject } from "../verb-folder.ts";

export const dataAdd: VerbRun = async (context, [given = ""], options) => {
  const { out } = context;
  await inProject(context, options, async at => {
    const [to, as, reader] = [textOption(options, "to"), textOption(options, "as"), textOption(options, "reader")];
    const [files, field, first] = [textOption(options, "files"), textOption(options, "field"), textOption(options, "first")];
    const watch = watchOf(context);
    const plan = planAdd(at, given, { to, as, reader, files, field, first }, watch);
    const { data, name, source, notes } = plan;
    out.line(`  ${projectFile}: data.${data}.${name === undefined ? "source" : `sources.${name}`}: ${flow(source)}`);
    if (plan.numFiles !== undefined) out.line(`      ${formatCount(plan.numFiles)} files there`);
    for (const note of notes) out.line(`      ${note}`);
    out.event("plan", { data, name: name ?? null, source, notes });
    if (options.dryRun === true) return out.result({ event: "result", data, ran: 0 });
    await askYes(context, options, "loam data add", "\nWrite it and rebuild the data?");
    const added = await applyAdd(at, plan, watch);
    out.line("\n  next: loam data report, loam run");
    out.result({ event: "result", ...added });
  });
};
