/**
 * A GGUF file, a Hugging Face folder or a repository of a hub becomes a version in the record, of the project where there is one, of the home where there
 * is none. The files stay as they are; nothing is registered before all of them are checked.
 */
import { resolve } from "node:path";
import { environment, formatBytes } from "../../base/index.ts";
import { registerVersion, type Summary } from "../../store/index.ts";
import { progressFor, type Watch } from "../call.ts";
import type { Workplace } from "../workspace.ts";
import { projectOrNone, withRecordOf } from "./home.ts";
import { hubModel, isHub, parseHub } from "./hub.ts";
import { hubSource, type ImportSource, importModel, localSource } from "./import-stage.ts";
import { newName } from "./new-name.ts";
import { localModel } from "./paths.ts";

export interface ImportOptions {
  /** Default: the name of the file, folder or repository. */
  readonly name?: string | undefined;
}

export interface ImportedVersion {
  readonly model: string;
  readonly version: number;
  /** Identifier of the artifact. */
  readonly artifact: string;
  /** SHA-256 of its files together. */
  readonly digest: string;
  /** `reused`: the same files were in the record already. */
  readonly action: "made" | "reused";
  readonly summary: Summary;
  readonly tookMs: number;
}

async function sourceOf({ cwd }: Workplace, given: string, { signal, emit }: Watch): Promise<{ source: ImportSource; name: string }> {
  if (!isHub(given)) {
    const path = resolve(cwd, given);
    const { name } = localModel(path);
    return { source: await localSource(path, signal), name };
  }
  const place = parseHub(given);
  const hub = { endpoint: environment().HF_ENDPOINT, token: environment().HF_TOKEN };
  const model = await hubModel(place, { ...hub, signal });
  const bytes = model.files.reduce((n, f) => n + f.sizeBytes, 0);
  emit({ event: "note", message: `${given}: ${model.files.length} files, ${formatBytes(bytes)}, commit ${model.commit.slice(0, 12)}` });
  return { source: hubSource(model, hub), name: place.name };
}

/** Errors: project/argument for the name, project/model, project/download; base/missingFile. */
export async function importVersion(at: Workplace, given: string, options: ImportOptions, watch: Watch): Promise<ImportedVersion> {
  const project = projectOrNone(at.folder);
  // a wrong name is told before anything is read or fetched
  if (options.name !== undefined) newName("import", project, options.name, "");
  const { source, name: fromSource } = await sourceOf(at, given, watch);
  const name = newName("import", project, options.name, fromSource);
  return withRecordOf(project, async store => {
    const { artifact, action, tookMs } = await importModel(store, source, { progress: progressFor(watch, name), signal: watch.signal });
    const { number } = await registerVersion(store, name, artifact.id, {});
    return { model: name, version: number, artifact: artifact.id, digest: artifact.digest, action, summary: artifact.summary, tookMs };
  });
}
