/** What a training reads of its artifacts: tokens of both sides, the end mark, and the architecture for the vocabulary. */
import type { DecoderConfig } from "../nn/index.ts";
import type { ArtifactReader } from "../store/index.ts";
import { decoderConfigOf } from "./decoder-config.ts";
import { checkShards } from "./packing.ts";
import type { ModelPart } from "./part.ts";
import { endOf, readShards, readTokenizer, type Shards } from "./shards.ts";

export interface TrainingInputs {
  readonly model: DecoderConfig;
  readonly train: Shards;
  readonly heldOut: Shards;
  /** The end-of-document token. */
  readonly end: number;
}

/** Errors: train/data for shards of another vocabulary, or without text. */
export async function trainingInputs(
  { shards, tokenizer: given }: Readonly<Record<"shards" | "tokenizer", ArtifactReader>>,
  architecture: ModelPart,
): Promise<TrainingInputs> {
  const tokenizer = await readTokenizer(given);
  const end = endOf(tokenizer, given.id);
  const model = decoderConfigOf(architecture, tokenizer.vocabSize);
  const [train, heldOut] = [await readShards(shards, "train"), await readShards(shards, "held-out")];
  checkShards(train, model.vocab, `${shards.id}/train`);
  checkShards(heldOut, model.vocab, `${shards.id}/held-out`);
  return { model, train, heldOut, end };
}
