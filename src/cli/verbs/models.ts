/** `loam models`: versions and their scores. */
import { listModels } from "../../store/index.ts";
import { findProject, openProjectStore } from "../project.ts";
import type { VerbRun } from "../verb.ts";
import { folderOf } from "../verb-folder.ts";

export const models: VerbRun = async (context, _, options) => {
  const { out } = context;
  const store = await openProjectStore(findProject(folderOf(context, options)));
  try {
    const all = await listModels(store);
    if (!all.length) out.line("  No model yet. `loam run` makes one.");
    for (const { model, versions } of all)
      for (const v of versions) {
        const scores = Object.entries(v.scores).map(([k, x]) => `${k} ${x}`);
        out.line(
          `  ${`${model}@${v.number}`.padEnd(22)} ${v.artifact}  ${scores.join("  ")}  ${new Date(v.createdMs).toISOString().slice(0, 16).replace("T", " ")}  ${v.aliases.join(", ")}`,
        );
      }
    out.result({ models: all });
  } finally {
    await store.close();
  }
};
