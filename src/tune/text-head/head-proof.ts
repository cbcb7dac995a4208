/** The proof of the merge of a model with a head over texts' states: one that tells classes, or gives a number. */
import { disposeTree, type Model } from "../../nn/index.ts";
import type { Device } from "../../tensor/index.ts";
import type { Tokenizer } from "../../text/index.ts";
import { type ProvenOutput, probeOf, type ServedForm, type TextProof, type TunedArrays, textProof } from "../methods/index.ts";
import { predictorOf, proofReading } from "./predict.ts";

interface Proven {
  readonly output: Exclude<ProvenOutput, "vector">;
  readonly model: Model;
  readonly tuned: TunedArrays;
  readonly tokenizer: Tokenizer;
  readonly longest: number;
  /** Tokens of the texts to prove it on, of which the first are taken. */
  readonly tokens: readonly ArrayLike<number>[];
  readonly signal: AbortSignal;
}
/** What merging and quantising change in a model with a head: its logits, or its number. */
export async function headProof(
  served: ServedForm | undefined,
  device: Device,
  { output, model, tuned, tokenizer, longest, tokens, signal }: Proven,
): Promise<TextProof> {
  const quantised = await served?.of(model, { tokenizer, longest }, device);
  try {
    return await textProof({
      output,
      ...tuned,
      merged: model.parameters,
      quantised: served && quantised ? { form: served.form, parameters: quantised } : undefined,
      read: proofReading(parameters => predictorOf({ device, model, longest, parameters }), probeOf(tokens), signal),
    });
  } finally {
    if (quantised) disposeTree(quantised);
  }
}
