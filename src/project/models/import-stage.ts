/**
 * Somebody else's model as an artifact: its files as they are, checked first (every tensor there in its shape, a tokenizer that can be read)
 * and hashed on their way in. What is served from it later are these bytes, so their digests can be held against those their maker gave.
 */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { fileError, type Progress } from "../../base/index.ts";
import { checkModelFiles, countParameters, type FilesReader, specOfModel } from "../../nn/index.ts";
import { type RunResult, runStage, type Store, stage } from "../../store/index.ts";
import { projectErrors } from "../errors.ts";
import { fetchHubFile, type HubModel, type HubOptions } from "./hub.ts";
import { modelText } from "./model-text.ts";
import { isGguf, localModel, modelDigests } from "./paths.ts";

const options = z.strictObject({
  /** Where the files are from, if that is part of what they are: a repository at a commit. */
  repository: z.string().optional(),
  commit: z.string().optional(),
  files: z.array(z.strictObject({ name: z.string(), sizeBytes: z.int().nonnegative(), digest: z.string() })).min(1),
});
type Options = z.output<typeof options>;

export interface ImportSource {
  readonly options: Options;
  /** The files on this machine; `scratch` makes a folder for what must be fetched first. */
  files(scratch: () => string, progress: Progress, signal: AbortSignal): Promise<FilesReader>;
}

/** A GGUF file or a folder. */
export async function localSource(path: string, signal?: AbortSignal): Promise<ImportSource> {
  const { files } = localModel(path);
  const list = await modelDigests(files, signal);
  if (list.length === 0)
    throw projectErrors.fail("model", { place: path, expected: "a GGUF file, or config.json and safetensors", received: "neither" });
  return {
    options: { files: list.map(({ digest, ...f }) => ({ ...f, digest: `sha256:${digest}` })) },
    files: async () => files,
  };
}

/** A repository of a hub. */
export function hubSource(model: HubModel, hub: HubOptions): ImportSource {
  const { owner, name } = model.place;
  return {
    options: { repository: `${owner}/${name}`, commit: model.commit, files: model.files.map(f => ({ ...f })) },
    async files(scratch, progress, signal) {
      const folder = scratch();
      for (const file of model.files) await fetchHubFile(model, file, join(folder, file.name), { ...hub, progress, signal });
      const gguf = model.files.find(f => isGguf(f.name));
      return localModel(gguf ? join(folder, gguf.name) : folder).files;
    },
  };
}

/** A file's pieces, and at its end whether they are what they should be. */
async function* checked(path: string, name: string, digest: string, signal: AbortSignal): AsyncGenerator<Buffer> {
  const sha256 = digest.startsWith("sha256:") ? createHash("sha256") : undefined;
  try {
    for await (const piece of createReadStream(path, { highWaterMark: 1 << 20 })) {
      signal.throwIfAborted();
      sha256?.update(piece as Buffer);
      yield piece as Buffer;
    }
  } catch (error) {
    signal.throwIfAborted();
    throw fileError(error, path);
  }
  const got = sha256 && `sha256:${sha256.digest("hex")}`;
  if (got !== undefined && got !== digest)
    throw projectErrors.fail("model", { place: name, expected: digest, received: got, hint: "The file changed while it was read." });
}

const importStage = (source: ImportSource) =>
  stage({
    name: "import",
    version: 1,
    inputs: {},
    options,
    output: "model",
    run: async context => {
      const { options: o, output, progress, signal } = context;
      const reader = await source.files(() => context.scratch, progress, signal);
      const { format, model } = await checkModelFiles(reader);
      const text = await modelText(reader);
      for (const [i, { name, digest }] of o.files.entries()) {
        progress({ stage: "import", done: i / o.files.length, message: name });
        // a file of a repository's subfolder lies flat beside the others, but for what is looked for there
        const flat = reader.files.some(f => f.name === name) ? name : name.slice(name.lastIndexOf("/") + 1);
        await output.writeStream(flat, checked(await reader.localPath(flat), name, digest, signal));
      }
      return {
        format,
        family: model.family,
        parameters: countParameters(specOfModel(model)),
        vocabulary: text.tokenizer.vocabSize,
        chats: text.chatTemplate !== undefined,
        sizeBytes: o.files.reduce((n, f) => n + f.sizeBytes, 0),
        ...(o.repository === undefined ? {} : { repository: o.repository, commit: o.commit ?? "" }),
      };
    },
  });

/** Makes the artifact of a source, or finds it: the same files are the same artifact. Errors: those of the files; project/download. */
export const importModel = (
  store: Store,
  source: ImportSource,
  given: { readonly progress: Progress; readonly signal: AbortSignal },
): Promise<RunResult> => runStage(store, importStage(source), { inputs: {}, options: source.options, ...given });
