/** Models that curation asks for, opened: apart from the ports, because this loads the engine. */
import { resolve } from "node:path";
import { dataErrors, type Embedder, type Scorer } from "../../data/index.ts";
import { disposeTree } from "../../nn/index.ts";
import type { Store } from "../../store/index.ts";
import { type Device, openDevice } from "../../tensor/index.ts";
import type { ProjectFile } from "../project-file.ts";
import { openVersion } from "../serving/open-version.ts";
import { folderEmbedder } from "./embedder.ts";
import { decoderScorer } from "./scorer.ts";

export function projectDevice({ config }: ProjectFile): Device {
  const { name, ...options } = config.device;
  return openDevice(name, Object.fromEntries(Object.entries(options).filter(([, v]) => v !== undefined)));
}

/** A scorer of a version, and what frees it. Errors: data/resource, and those of opening. */
export async function versionScorer(
  store: Store,
  device: Device,
  model: string,
  signal: AbortSignal | undefined,
): Promise<{ readonly opened: Scorer; close(): void }> {
  const { config, parameters, tokenizer, startToken: end } = await openVersion(store, device, model);
  if (end === undefined) {
    disposeTree(parameters);
    throw dataErrors.fail("resource", { place: model, expected: "a version whose tokenizer has an end token", received: "one without" });
  }
  const scorer = decoderScorer({ device, config, parameters, tokenizer, end, signal });
  return {
    opened: scorer,
    close() {
      scorer[Symbol.dispose]();
      disposeTree(parameters);
    },
  };
}

/** An embedder of a folder of weights below the project, and what frees it. */
export async function projectEmbedder(
  project: ProjectFile,
  device: Device,
  model: string,
): Promise<{ readonly opened: Embedder; close(): void }> {
  const embedder = await folderEmbedder(resolve(project.folder, model), device);
  return { opened: embedder, close: () => embedder[Symbol.dispose]() };
}
