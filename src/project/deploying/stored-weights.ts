/** A version's files as they are deployed: its own, or its weights in fewer bits as a GGUF file. */
import { createReadStream, rmSync } from "node:fs";
import { basename, dirname } from "node:path";
import { fileError, temporaryBeside } from "../../base/index.ts";
import { deployErrors, type ModelFile } from "../../deploy/index.ts";
import { folderFiles, loadModel, modelGguf } from "../../nn/index.ts";
import { openDevice } from "../../tensor/index.ts";
import { ggufTextEntries } from "../models/gguf-text.ts";
import { modelText } from "../models/model-text.ts";
import { digestOf, fileDigest } from "../models/paths.ts";
import type { VersionToDeploy } from "./approved-version.ts";
import { type StoredForm, storedForms } from "./model-needs.ts";

interface DeployedFiles extends Disposable {
  readonly files: readonly ModelFile[];
  /** What `loam serve --expect-digest` compares. */
  readonly servedDigest: string;
}

const storedName = "model.gguf";

/** The files as the version has them. */
export const ownFiles = ({ artifact, deployed }: VersionToDeploy): DeployedFiles => ({
  files: artifact.files.map(f => ({ name: f.name, sizeBytes: f.sizeBytes, open: () => artifact.stream(f.name) })),
  servedDigest: deployed.servedDigest,
  [Symbol.dispose]: () => {},
});

/** The weights in fewer bits, in a temporary file beside `beside`. Errors: deploy/wish for a model that GGUF has no architecture for; base/diskFull. */
export async function requantised({ files, deployed }: VersionToDeploy, form: StoredForm, beside: string): Promise<DeployedFiles> {
  const path = temporaryBeside(beside);
  const remove = () => rmSync(path, { force: true });
  try {
    const model = await loadModel(files, openDevice("cpu"));
    if (model.family !== "decoder")
      throw deployErrors.fail("wish", {
        place: "--weights-form",
        expected: "as-is for a model that generates no text",
        received: form,
        hint: "Leave it out.",
      });
    const text = ggufTextEntries(await modelText(files), model.config.vocab);
    const about = [["general.name", "text", deployed.model]] as const;
    await folderFiles(dirname(path)).writeStream(basename(path), modelGguf(model, storedForms[form], text, about));
    const { digest, sizeBytes } = await fileDigest(path);
    return {
      files: [{ name: storedName, sizeBytes, open: () => createReadStream(path, { highWaterMark: 1 << 20 }) }],
      servedDigest: digestOf([{ name: storedName, sizeBytes, digest }]),
      [Symbol.dispose]: remove,
    };
  } catch (error) {
    remove();
    throw fileError(error, beside);
  }
}
