/** Model files of any format as a served model: weights on a device, tokenizer, template. */
import { defined } from "../../base/index.ts";
import { disposeTree, type FilesReader, loadModel } from "../../nn/index.ts";
import type { ServedModel } from "../../serve/index.ts";
import type { Device } from "../../tensor/index.ts";
import { projectErrors } from "../errors.ts";
import { modelText } from "../models/model-text.ts";

/** What names the model: from the record, or from its path. */
export type ModelLabel = Pick<ServedModel, "id" | "fingerprint"> &
  Partial<Pick<ServedModel, "weights" | "aliases" | "name" | "version" | "artifact" | "file" | "createdAt">>;

/** Errors: those of the files (nn, text, base, project/model), project/family where it continues no texts. */
export async function readServedModel(files: FilesReader, device: Device, label: ModelLabel): Promise<ServedModel> {
  const { tokenizer, chatTemplate, startToken, stopTokens, sampling, bosToken, eosToken } = await modelText(files);
  const model = await loadModel(files, device);
  if (model.family === "decoder" && model.config.classifier) {
    disposeTree(model.parameters);
    throw projectErrors.fail("family", {
      place: label.id,
      expected: "a decoder that continues texts",
      received: `a classifier (${model.config.classifier.labels.slice(0, 5).join(", ")})`,
      hint: `Serve it, and ask POST /v1/models/${label.name ?? label.id}:classify.`,
    });
  }
  if (model.family !== "decoder")
    throw projectErrors.fail("family", {
      place: `${label.id}${label.artifact ? ` (${label.artifact})` : ""}`,
      expected: "a decoder, which continues texts",
      received: `an ${model.family}`,
    });
  if (tokenizer.vocabSize > model.config.vocab)
    throw projectErrors.fail("model", {
      place: label.id,
      expected: `a tokenizer of at most ${model.config.vocab} tokens, as many as the model has`,
      received: `one of ${tokenizer.vocabSize}`,
    });
  return {
    ...label,
    family: model.family,
    config: model.config,
    parameters: model.parameters,
    tokenizer,
    ...defined({ chatTemplate, startToken, bosToken, eosToken }),
    stopTokens,
    ...defined({ sampling }),
  };
}
