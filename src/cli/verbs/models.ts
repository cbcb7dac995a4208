/** `loam models`: versions and their scores, of the project's record and of the home's. */

import { openProjectStore } from "../../project/index.ts";
import { homeIfThere, projectOrNone } from "../../project/models/index.ts";
import { type Looks, listModels, looksOfContent, type ModelInfo, type ModelVersion, type Store } from "../../store/index.ts";
import type { Output } from "../output.ts";
import type { VerbRun } from "../verb.ts";
import { folderOf } from "../verb-folder.ts";

/** With how often the test sets were looked at that each version was scored on. */
interface ListedModel extends Omit<ModelInfo, "versions"> {
  readonly versions: readonly (ModelVersion & { readonly looks: readonly Looks[] })[];
}

async function listOf(store: Store | undefined): Promise<ListedModel[]> {
  try {
    if (!store) return [];
    const withLooks = async (v: ModelVersion) => ({ ...v, looks: await looksOfContent(store.records.read, v.digest) });
    return await Promise.all(
      (await listModels(store)).map(async m => ({ model: m.model, versions: await Promise.all(m.versions.map(withLooks)) })),
    );
  } finally {
    await store?.close();
  }
}

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
  const folder = folderOf(context, options);
  const project = projectOrNone(folder);
  const own = await listOf(project && (await openProjectStore(project)));
  const home = await listOf(await homeIfThere());
  if (own.length + (project ? 0 : home.length) === 0)
    out.line(`  No model yet. ${project ? "`loam run` makes one, " : ""}\`loam models import FILE\` brings one in.`);
  show(out, own);
  if (project && home.length > 0) out.line("  Outside of projects:");
  show(out, home);
  out.result({ models: own, home });
};
