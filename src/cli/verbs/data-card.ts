/** `loam data card`: the data card on stdout, or with --out as files for people and machines. */
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { makeFolder, writeFileAtomic } from "../../base/index.ts";
import { artifactAsExport, cardFiles, cardFormat, cardMarkdown, dataCard } from "../../data/index.ts";
import { cardPartOf, cardRecordOf, openDataSet, staleLine } from "../../project/data/index.ts";
import { findProject, projectErrors, withProjectStore } from "../../project/index.ts";
import { textOption } from "../options.ts";
import type { VerbRun } from "../verb.ts";
import { folderOf } from "../verb-folder.ts";

/** Whether a folder's card is ours to write over: there is none yet, or it is an earlier one. */
function isFree(folder: string, files: readonly string[]): boolean {
  if (!files.some(f => existsSync(join(folder, f)))) return true;
  try {
    return (JSON.parse(readFileSync(join(folder, "card.json"), "utf8")) as { format?: unknown }).format === cardFormat;
  } catch {
    return false;
  }
}

export const dataCardVerb: VerbRun = async (context, [name], options) => {
  const { out } = context;
  const project = findProject(folderOf(context, options));
  await withProjectStore(project, async store => {
    const set = await openDataSet(project, store, name);
    if (set.isStale) out.warn(staleLine(set));
    const card = await dataCard(set.artifact, await cardRecordOf(store, project, set), cardPartOf(project, set.name));
    const to = textOption(options, "out");
    if (to === undefined) {
      out.line(cardMarkdown(card).trimEnd());
      return out.result(card);
    }
    const folder = resolve(context.cwd, to);
    const files = cardFiles(card, artifactAsExport(set.artifact));
    if (options.force !== true && !isFree(folder, [...files.keys()]))
      throw projectErrors.fail("exists", {
        place: `loam data card: --out ${to}`,
        expected: `no ${[...files.keys()].join(", ")}, or an earlier card`,
        received: "files of others",
        hint: "Name another folder, or write over them with --force.",
      });
    makeFolder(folder);
    for (const [file, text] of files) writeFileAtomic(join(folder, file), text);
    out.line(`  ${[...files.keys()].join(", ")} in ${to}`);
    out.result({ name: set.name, artifact: set.artifact.id, folder, files: [...files.keys()] });
  });
};
