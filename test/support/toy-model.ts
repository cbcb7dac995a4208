/** A model with random weights, as `transformers` would save it: for what needs versions and no training. */
import { exportHuggingFace, folderFiles, initialise, llamaConfig, modelOf, specOfModel } from "../../src/nn/index.ts";
import { openDevice } from "../../src/tensor/index.ts";
import { trainBpe } from "../../src/text/index.ts";
import { temporaryFolder } from "./project.ts";

/** A folder with some thousand numbers, others for each seed. */
export async function toyModelFolder(seed: number, context = 64): Promise<string> {
  const folder = temporaryFolder("toy-model");
  const tokenizer = trainBpe(["to be or not to be, that is the question"], { vocab: 270 });
  const config = llamaConfig({ vocab: tokenizer.vocabSize, width: 32, layers: 1, heads: 2, context, hidden: 64 });
  const model = modelOf(
    { family: "decoder", config },
    await initialise(specOfModel({ family: "decoder", config }) as unknown, openDevice("reference"), seed),
  );
  const files = folderFiles(folder);
  await exportHuggingFace(files, model);
  await files.write("tokenizer.json", JSON.stringify(tokenizer.toJSON()));
  return folder;
}
