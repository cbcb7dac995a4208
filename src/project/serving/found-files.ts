/** The files of a model that was found, with what names it: an artifact of the record, or files as they lie on the disk. */
import { basename } from "node:path";
import { weightsDigest } from "../../nn/index.ts";
import { projectErrors } from "../errors.ts";
import { digestOf, localModel, modelDigests } from "../models/paths.ts";
import type { Found } from "./find-model.ts";
import { type LabelledFiles, versionFiles } from "./open-version.ts";

/** Errors: store/notFound, base/missingFile, project/model, also for files with another digest than expected. */
export async function foundFiles({ model }: Found): Promise<LabelledFiles> {
  if (model.kind === "version") return versionFiles(model.store, model.wanted);
  const { files, name: nameOfFile } = localModel(model.path);
  const { name = nameOfFile } = model;
  const digests = await modelDigests(files);
  const { expectedDigest, path } = model;
  if (expectedDigest !== undefined && digestOf(digests) !== expectedDigest)
    throw projectErrors.fail("model", {
      place: path,
      expected: `the files with digest ${expectedDigest}`,
      received: digestOf(digests),
      hint: `It holds ${digests.map(d => d.name).join(", ") || "no model files"}. Mount the files of the version that was deployed.`,
    });
  return { files, label: { id: name, name, file: basename(model.path), fingerprint: digestOf(digests), weights: weightsDigest(digests) } };
}
