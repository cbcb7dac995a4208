/** `loam labels export`: what people labelled, as JSON Lines for a trainer. */
import { resolve } from "node:path";
import { formatCount, privateFileMode, writeFileAtomic } from "../../base/index.ts";
import { checkFree } from "../../project/index.ts";
import { LabelCalls, labelFormats } from "../../project/labelling/index.ts";
import { choiceOption, textOption } from "../options.ts";
import { streamsOf, type VerbRun } from "../verb.ts";
import { inProject } from "../verb-folder.ts";

export const labelsExport: VerbRun = async (context, [name = ""], options) => {
  const { out, cwd } = context;
  const to = textOption(options, "to");
  const path = to === undefined ? undefined : resolve(cwd, to);
  if (path !== undefined) checkFree(path, to!);
  const format = choiceOption(options, "format", "labels export", labelFormats) ?? "chat";
  const instruction = textOption(options, "instruction");
  const { lines, ...counts } = await inProject(context, options, at => new LabelCalls(at).export(name, { format, instruction }));
  if (path === undefined) {
    if (options.json !== true) streamsOf(context).stdout.write(lines);
    out.result({ ...counts, format, lines });
    return;
  }
  writeFileAtomic(path, lines, { mode: privateFileMode });
  const ranges = counts.spans === 0 ? "" : `, ${formatCount(counts.spans)} ranges`;
  const leftOut = counts.leftOut === 0 ? "" : ` (${formatCount(counts.leftOut)} left out: they overlap a longer one)`;
  out.line(`  ${to}   ${formatCount(counts.texts)} ${counts.texts === 1 ? "text" : "texts"}${ranges}${leftOut}`);
  out.result({ ...counts, format, path });
};
