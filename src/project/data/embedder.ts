/**
 * A sentence encoder from a folder of weights as an embedder (Reimers & Gurevych 2019): the program that is served, over many texts at once.
 * Reads the layout of sentence-transformers. Texts longer than the model reads are cut there, as that library does. A text's vector does not
 * depend on the texts beside it.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { dataErrors, type Embedder } from "../../data/index.ts";
import { disposeTree, folderFiles } from "../../nn/index.ts";
import { type EncoderProgram, embeddingBatches, openEncoderProgram, textTokens } from "../../serve/index.ts";
import type { Device } from "../../tensor/index.ts";
import { encoderInForm } from "../models/quantised-encoder.ts";
import { readServedEncoder } from "../serving/read-encoder.ts";

/** Tokens of a batch: many texts come at once, so only full batches need to be quick. */
const batchTokens = 512;

interface FolderEmbedder extends Embedder, Disposable {}

/** Exact, or with matrices in 8 bits (`form`). Errors: data/resource where the folder holds no such model, and those of its files (nn, text, base, cli). */
export async function folderEmbedder(folder: string, device: Device, form: "exact" | "int8" = "exact"): Promise<FolderEmbedder> {
  for (const name of ["config.json", "tokenizer.json"])
    if (!existsSync(join(folder, name)))
      throw dataErrors.fail("resource", {
        place: folder,
        expected: "a folder with config.json, tokenizer.json and model.safetensors",
        received: `none with ${name}`,
        hint: "Give the folder of a sentence encoder.",
      });
  const read = await readServedEncoder(folderFiles(folder), device, { id: folder, fingerprint: folder });
  let model = read;
  let program: EncoderProgram;
  try {
    model = await encoderInForm(read, device, form);
    program = await openEncoderProgram(model, device, { sizes: [batchTokens] });
  } catch (error) {
    disposeTree(model.parameters);
    throw error;
  }
  return {
    width: program.dimensions,
    async embed(texts) {
      const tokens = texts.map(t => textTokens(model, t, true));
      const lengths = tokens.map(t => t.length);
      const vectors = new Array<Float32Array>(texts.length);
      for (const batch of embeddingBatches(lengths, program.widths, program.room)) {
        const found = await program.run(
          batch.texts.map(i => tokens[i]!),
          batch.width,
        );
        batch.texts.forEach((place, i) => {
          vectors[place] = found[i]!;
        });
      }
      return vectors;
    },
    [Symbol.dispose]() {
      program.dispose();
      disposeTree(model.parameters);
    },
  };
}
