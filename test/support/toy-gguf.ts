/** Toys in files that readers download: a GGUF, as llama.cpp reads it, and a classifier of `transformers`. */
import { join } from "node:path";
import { bertConfig, encoderSpec, exportHuggingFace, folderFiles, initialise, modelOf } from "../../src/nn/index.ts";
import { openDevice } from "../../src/tensor/index.ts";
import { trainBpe } from "../../src/text/index.ts";
import { loam } from "./child.ts";
import { temporaryFolder } from "./project.ts";
import { toyModelFolder } from "./toy-model.ts";

/** Writes a model with random weights to `path`. */
export async function writeToyGguf(path: string, seed = 1): Promise<void> {
  const env = { LOAM_HOME: temporaryFolder("toy-home") };
  const cwd = temporaryFolder("toy-gguf");
  for (const args of [
    ["models", "import", await toyModelFolder(seed, { context: 512, isChat: true }), "--name", "toy"],
    ["models", "export", "toy", "--to", path, "--format", "gguf"],
  ]) {
    const { code, stderr } = await loam(args, { cwd, env });
    if (code !== 0) throw new Error(`loam ${args.join(" ")}: ${stderr}`);
  }
}

/** The file that pages name. */
export const smolFile = "SmolLM2-135M-Instruct.Q4_1.gguf";
/** A folder with it, in place of a download. */
export async function folderWithSmol(): Promise<string> {
  const folder = temporaryFolder("page");
  await writeToyGguf(join(folder, smolFile));
  return folder;
}

/** A RoBERTa with random weights that has classes, as `transformers` would save it. */
export async function writeToyClassifier(folder: string, labels = ["sad", "neither", "glad"]): Promise<void> {
  const tokenizer = trainBpe(["what a glad day, what a sad day"], { vocab: 270, minFrequency: 1 });
  const classifier = { labels, kind: "one" } as const;
  const config = { ...bertConfig({ vocab: tokenizer.vocabSize, width: 32, layers: 1, heads: 2, context: 32 }), classifier };
  const files = folderFiles(folder);
  await exportHuggingFace(files, modelOf({ family: "encoder", config }, await initialise(encoderSpec(config), openDevice("reference"), 1)));
  await files.write("tokenizer.json", JSON.stringify(tokenizer.toJSON()));
}
