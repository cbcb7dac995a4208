/**
 * `loam models import`: a GGUF file, a Hugging Face folder or a repository of a hub becomes a version in the record, of the project where there
 * is one, of the home where there is none. The files stay as they are; nothing is registered before all of them are checked.
 */
import { resolve } from "node:path";
import { environment, formatBytes, formatCount } from "../../base/index.ts";
import {
  hubModel,
  hubSource,
  type ImportSource,
  importModel,
  isHub,
  localModel,
  localSource,
  newName,
  openRecordOf,
  parseHub,
  projectOrNone,
} from "../../project/models/index.ts";
import { registerVersion } from "../../store/index.ts";
import { textOption } from "../options.ts";
import type { Context, VerbRun } from "../verb.ts";
import { folderOf } from "../verb-folder.ts";

async function sourceOf(context: Context, given: string): Promise<{ readonly source: ImportSource; readonly name: string }> {
  const { cwd, signal, out } = context;
  if (!isHub(given)) {
    const path = resolve(cwd, given);
    const { name } = localModel(path);
    return { source: await localSource(path, signal), name };
  }
  const place = parseHub(given);
  const hub = { endpoint: environment().HF_ENDPOINT, token: environment().HF_TOKEN };
  const model = await hubModel(place, { ...hub, signal });
  const bytes = model.files.reduce((n, f) => n + f.sizeBytes, 0);
  out.line(`  ${given}: ${model.files.length} files, ${formatBytes(bytes)}, commit ${model.commit.slice(0, 12)}`);
  return { source: hubSource(model, hub), name: place.name };
}

export const modelsImport: VerbRun = async (context, [given = ""], options) => {
  const { out, signal } = context;
  const project = projectOrNone(folderOf(context, options));
  const asked = textOption(options, "name");
  // a wrong name is told before anything is read or fetched
  if (asked !== undefined) newName("import", project, asked, "");
  const { source, name: fromSource } = await sourceOf(context, given);
  const name = newName("import", project, asked, fromSource);
  const store = await openRecordOf(project);
  try {
    const { artifact, action, tookMs } = await importModel(store, source, { progress: out.progress(name), signal });
    const version = await registerVersion(store, name, artifact.id, {});
    const s = artifact.summary;
    out.done(
      name,
      `${formatCount(Number(s.parameters))} parameters, ${formatBytes(Number(s.sizeBytes))} ${s.format}${action === "reused" ? ", here already" : ""}`,
      tookMs,
    );
    const next =
      s.family === "decoder" ? `   loam serve ${name}   loam chat ${name}` : s.family === "encoder" ? `   loam serve ${name}` : "";
    out.line(`  ${name}@${version.number}   ${artifact.id}${next}`);
    out.result({ model: name, version: version.number, artifact: artifact.id, digest: artifact.digest, action, summary: s });
  } finally {
    await store.close();
  }
};
