/** `loam models`: versions and their scores, of the project's record and of the home's. */
import { type ListedModel, listedModels } from "../../project/models/index.ts";
import type { Output } from "../output.ts";
import type { VerbRun } from "../verb.ts";
import { workplaceOf } from "../verb-folder.ts";

function show(out: Output, models: readonly ListedModel[]): void {
  for (const { model, versions } of models)
    for (const v of versions) {
      const scores = Object.entries({ ...v.scores, ...(v.looks[0] ? { looks: v.looks[0].total } : {}) }).map(([k, x]) => `${k} ${x}`);
      out.line(
        `  ${`${model}@${v.number}`.padEnd(22)} ${v.artifact}  ${scores.join("  ")}  ${new Date(v.createdMs).toISOString().slice(0, 16).replace("T", " ")}  ${v.aliases.join(", ")}`,
      );
    }
}

export const models: VerbRun = async (context, _, options) => {
  const { out } = context;
  const { models, home, isProject } = await listedModels(workplaceOf(context, options));
  if (models.length + (isProject ? 0 : home.length) === 0)
    out.line(`  No model yet. ${isProject ? "`loam run` makes one, " : ""}\`loam models import FILE\` brings one in.`);
  show(out, models);
  if (isProject && home.length > 0) out.line("  Outside of projects:");
  show(out, home);
  out.result({ models, home });
};
