/** A version of the record as model files and as a served model: its artifact's weights on a device, its tokenizer, its names. */
import { type FilesReader, weightsDigest } from "../../nn/index.ts";
import { tampered } from "../../registry/index.ts";
import type { ServedModel } from "../../serve/index.ts";
import { type ArtifactReader, openArtifact, resolveVersion, type Store } from "../../store/index.ts";
import type { Device } from "../../tensor/index.ts";
import { projectErrors } from "../errors.ts";
import { type ModelLabel, readServedModel } from "./read-model.ts";

export interface LabelledFiles {
  readonly files: FilesReader;
  /** What names the model. */
  readonly label: ModelLabel;
}

/** A version's files, whose damage is told by the names that people know: the version's and the file's. */
function named({ id, files, ...artifact }: ArtifactReader, version: string): FilesReader {
  return {
    id,
    files,
    read: name => tampered(version, files, () => artifact.read(name)),
    localPath: name => tampered(version, files, () => artifact.localPath(name)),
  };
}

/**
 * `name` or `name@version`, where version is a number or an alias. Errors: store/notFound, project/model for an adapter; of reading its files registry/tampered and
 * store/blobMissing.
 */
export async function versionFiles(store: Store, wanted: string): Promise<LabelledFiles> {
  const [name = "", which = "latest"] = wanted.split("@");
  const version = await resolveVersion(store.records.read, name, which);
  const artifact = await openArtifact(store, version.artifact);
  if (artifact.kind === "adapter")
    throw projectErrors.fail("model", {
      place: `${name}@${version.number}`,
      expected: "a model",
      received: `an adapter beside ${artifact.summary.base}`,
      hint: `Write it with \`loam models export ${name} --format adapter --to FOLDER\` and serve its base with --adapter ${name}=FOLDER, or tune it with \`result: merged\`.`,
    });
  return {
    files: named(artifact, `${name}@${version.number}`),
    label: {
      id: `${name}@${version.number}`,
      aliases: [...version.aliases.map(alias => `${name}@${alias}`), ...(version.aliases.includes("latest") ? [name] : [])],
      fingerprint: artifact.digest,
      weights: weightsDigest(artifact.files),
      name,
      version: version.number,
      artifact: artifact.id,
      createdAt: version.createdMs,
    },
  };
}

/** Errors: as of `versionFiles`, and those of the model's files. */
export async function openVersion(store: Store, device: Device, wanted: string): Promise<ServedModel> {
  const { files, label } = await versionFiles(store, wanted);
  return readServedModel(files, device, label);
}
