/** The files of a model that was found, with what names it: an artifact of the record, or files as they lie on the disk. */
import { open } from "node:fs/promises";
import { basename } from "node:path";
import { fileError } from "../../base/index.ts";
import { disposeTree, type FilesReader, weightsDigest } from "../../nn/index.ts";
import { projectErrors } from "../errors.ts";
import { digestedFiles } from "../models/digested-files.ts";
import { digestedNames, digestOf, localModel } from "../models/paths.ts";
import type { Found } from "./find-model.ts";
import { type LabelledFiles, versionFiles } from "./open-version.ts";
import type { ModelLabel } from "./read-model.ts";

export interface FilesToLoad extends LabelledFiles {
  /** Of files on the disk, whose label has no fingerprint yet: the whole label, once, made of what was loaded. Errors: as of `foundFiles`. */
  readonly digested?: () => Promise<ModelLabel>;
}

/** Waits for a byte of each file. Loaders open files on the thread that answers probes and signals: a mount that hangs must not stop these. */
async function firstBytes(files: FilesReader): Promise<void> {
  for (const name of digestedNames(files)) {
    const path = await files.localPath(name);
    try {
      await using file = await open(path, "r");
      await file.read(new Uint8Array(1), 0, 1, null);
    } catch (error) {
      throw fileError(error, path);
    }
  }
}

/** The files, whose digest is made while they are loaded (`loadDigested`). Errors: store/notFound, base/missingFile, project/model. */
export async function filesToLoad({ model }: Found): Promise<FilesToLoad> {
  if (model.kind === "version") return versionFiles(model.store, model.wanted);
  const local = localModel(model.path);
  const { name = local.name, expectedDigest, path } = model;
  await firstBytes(local.files);
  const { files, digests } = digestedFiles(local.files);
  const label = { id: name, name, file: basename(path), fingerprint: "" };
  const digested = async (): Promise<ModelLabel> => {
    const made = await digests();
    const fingerprint = digestOf(made);
    if (expectedDigest !== undefined && fingerprint !== expectedDigest)
      throw projectErrors.fail("model", {
        place: path,
        expected: `the files with digest ${expectedDigest}`,
        received: fingerprint,
        hint: `It holds ${made.map(d => d.name).join(", ") || "no model files"}. Mount the files of the version that was deployed.`,
      });
    return { ...label, fingerprint, weights: weightsDigest(made) };
  };
  return { files, label, digested };
}

/** The same with the digest, made now. Errors: also project/model for files with another digest than expected. */
export async function foundFiles(found: Found): Promise<LabelledFiles> {
  const { files, label, digested } = await filesToLoad(found);
  return { files, label: (await digested?.()) ?? label };
}

/** Where loading fails, a digest that is not the expected one is reported instead of the failure: other files were mounted. */
export async function unlessOthers<T>({ digested }: FilesToLoad, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    await digested?.();
    throw error;
  }
}

/** Loads a model and names it by the digest of what was loaded; of files other than expected nothing stays in memory. */
export async function loadDigested<M extends { readonly parameters: unknown }>(known: FilesToLoad, load: () => Promise<M>): Promise<M> {
  const model = await unlessOthers(known, load);
  if (!known.digested) return model;
  try {
    return { ...model, ...(await known.digested()) };
  } catch (error) {
    disposeTree(model.parameters);
    throw error;
  }
}
