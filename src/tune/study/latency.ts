/**
 * How long a model takes for an answer here: the median milliseconds of a forward pass over one text, of a fixed sample. A classifier's pass ends in its
 * classes, that of a model which writes in its next token.
 */
import { sha256 } from "../../base/index.ts";
import { type Decoder, decoderStates, disposeTree, loadModel, type Model, textLogits, unembed } from "../../nn/index.ts";
import { quantile } from "../../statistics/index.ts";
import type { ArtifactReader } from "../../store/index.ts";
import { type Device, reshape, slice, type Tensor } from "../../tensor/index.ts";
import { textVectors } from "../contrast/fit.ts";
import { tuneErrors } from "../errors.ts";
import { headTokens } from "../text-head/batches.ts";
import type { TuneSurroundings } from "../text-head/open-base.ts";
import { type Predictor, textReader } from "../text-head/predict.ts";

/** Texts of the sample, passes over each, and tokens that are read of one. */
const measured = { texts: 16, passes: 7, tokens: 512 } as const;

/** What a pass comes to: classes, a vector, the next token's logits. */
function readerOf(model: Model, place: string): (p: unknown, tokens: Tensor, present: Tensor) => Tensor {
  if (model.family === "encoder-decoder")
    throw tuneErrors.fail("family", { place, expected: "a decoder or an encoder", received: model.family });
  if (model.config.classifier) return (p, tokens, present) => textLogits(model, p, tokens, present);
  if (model.family === "encoder") return (p, tokens, present) => textVectors(model.config, p, "mean", { tokens, present });
  const { config } = model;
  return (p, tokens) => {
    const last = tokens.shape[1]! - 1;
    const logits = unembed(config, p as Decoder, slice(decoderStates(config, p as Decoder, tokens), undefined, [last, last + 1]));
    return reshape(logits, [logits.shape[0]!, logits.shape[2]!]);
  };
}

/** Texts by their hashes: the same ones whatever is before or behind them. */
export const latencySample = (texts: readonly string[]): string[] =>
  texts
    .filter(text => text.trim() !== "")
    .map(text => ({ text, key: sha256(`latency/${text}`) }))
    .sort((a, b) => (a.key < b.key ? -1 : 1))
    .slice(0, measured.texts)
    .map(t => t.text);

/** Median milliseconds of a pass over one text, by a reader of one row. The first pass over each, which builds its program, does not count. */
export async function medianPass(
  reader: Predictor,
  parameters: unknown,
  texts: readonly ArrayLike<number>[],
  { signal, now = () => performance.now() }: Pick<LatencyGiven, "signal" | "now"> = {},
): Promise<number> {
  const times: number[] = [];
  for (const tokens of texts) {
    const pass = () => reader.predict([parameters], [tokens], signal ? { signal } : {});
    await pass();
    for (let i = 0; i < measured.passes; i++) {
      const began = now();
      await pass();
      times.push(now() - began);
    }
  }
  return quantile(Float64Array.from(times).sort(), 0.5);
}

interface LatencyGiven extends Pick<TuneSurroundings, "tokenizerOf"> {
  readonly device: Device;
  readonly model: ArtifactReader;
  readonly texts: readonly string[];
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds, for tests. */
  readonly now?: () => number;
}

/** Median milliseconds of a pass of the model. Errors: tune/family, tune/halves (no texts). */
export async function answerLatency({ device, model: artifact, tokenizerOf, texts, ...given }: LatencyGiven): Promise<number> {
  const sample = latencySample(texts);
  if (sample.length === 0)
    throw tuneErrors.fail("halves", { place: artifact.id, expected: "texts to measure the latency on", received: "none" });
  const tokenizer = await tokenizerOf(artifact);
  const model = await loadModel(artifact, device);
  try {
    const read = readerOf(model, artifact.id);
    const { classifier, context } = (model as Exclude<Model, { family: "encoder-decoder" }>).config;
    const longest = Math.min(classifier?.longest ?? context, measured.tokens);
    const reader = textReader({ device, read, longest, parameters: (p: unknown) => p, rows: 1 });
    const tokens = sample.map(text => headTokens(tokenizer, text, longest));
    return await medianPass(reader, model.parameters, tokens, given).finally(() => reader.dispose());
  } finally {
    disposeTree(model.parameters);
  }
}
