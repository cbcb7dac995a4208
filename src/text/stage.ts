/** The tokenizer as a stage of a project: documents in, tokenizer.json out. */
import { z } from "zod";
import { type ArtifactReader, stage } from "../store/index.ts";
import { textErrors } from "./errors.ts";
import { defaultSpecialTokens } from "./part.ts";
import { bpeTrainer } from "./train.ts";

/** The file of a documents artifact that tokenizers are trained on: one JSON object a line, with `id` and `text`. */
const TRAIN_FILE = "train.jsonl";
/** Bytes that the compression is measured on: the first of the corpus, enough for three digits. */
const MEASURED_BYTES = 4_000_000;

/** Texts of a documents file, line by line, with bounded memory. Errors: text/training names a line that is not as it should be. */
export async function* trainTexts(documents: ArtifactReader, file: string): AsyncGenerator<string> {
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  let line = 0;
  const parse = (json: string): string => {
    line++;
    const refuse = (received: string, cause?: unknown) =>
      textErrors.fail("training", { place: `${documents.id}/${file}:${line}`, expected: `a JSON object with "text"`, received }, cause);
    let value: unknown;
    try {
      value = JSON.parse(json);
    } catch (error) {
      throw refuse(json.slice(0, 60), error);
    }
    const text = value !== null && typeof value === "object" && "text" in value ? value.text : undefined;
    if (typeof text !== "string") throw refuse(json.slice(0, 60));
    return text;
  };
  let rest = "";
  for await (const piece of documents.stream(file)) {
    const lines = (rest + decoder.decode(piece, { stream: true })).split("\n");
    rest = lines.pop()!;
    for (const json of lines) yield parse(json);
  }
  rest += decoder.decode();
  if (rest !== "") yield parse(rest);
}

export const tokenizerStage = stage({
  name: "tokenizer",
  version: 1,
  inputs: { documents: "documents" },
  options: z.strictObject({
    /** Tokens in all: special tokens, 256 bytes, merges. */
    vocab: z.int().min(256),
    pattern: z.enum(["gpt2"]).default("gpt2"),
    specialTokens: z.array(z.string().min(1)).default([...defaultSpecialTokens]),
    minFrequency: z.int().min(1).default(2),
  }),
  output: "tokenizer",
  run: async ({ inputs, options, output, progress, signal }) => {
    const trainer = bpeTrainer({ ...options, progress });
    const sample: string[] = [];
    let numDocuments = 0;
    let sampleBytes = 0;
    for await (const text of trainTexts(inputs.documents, TRAIN_FILE)) {
      signal.throwIfAborted();
      trainer.add(text);
      if (sampleBytes < MEASURED_BYTES) {
        sample.push(text);
        sampleBytes = trainer.numBytes;
      }
      if (++numDocuments % 1000 === 0)
        progress({ stage: "tokenizer", message: `${numDocuments} documents read`, values: { numDocuments } });
    }
    const tokenizer = trainer.train();
    let numTokens = 0;
    for (const text of sample) numTokens += tokenizer.encode(text, { readSpecialTokens: false }).length;
    await output.write("tokenizer.json", JSON.stringify(tokenizer.toJSON()));
    return {
      vocab: tokenizer.vocabSize,
      bytesPerToken: Math.round((1000 * sampleBytes) / numTokens) / 1000,
      numDocuments,
      corpusBytes: trainer.numBytes,
      specialTokens: options.specialTokens,
    };
  },
});
