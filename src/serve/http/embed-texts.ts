/** Texts to vectors for every contract that embeds: texts to tokens (too long is refused, or cut where the client says so), then the encoder's engine. */
import type { EmbeddingInput } from "../../protocols/index.ts";
import type { EmbeddingEngine } from "../embedding/embedding-engine.ts";
import { type TextCut, textTokens } from "../embedding/text-tokens.ts";
import { unscaled } from "../embedding/unscaled.ts";
import { serveErrors } from "../errors.ts";
import { limits } from "../limits.ts";
import { responseAccount } from "../response-account.ts";

interface EmbedAsk {
  readonly engine: EmbeddingEngine;
  readonly inputs: readonly EmbeddingInput[];
  /** Reads the start of what is too long, or as much as it says. */
  readonly truncate: boolean | TextCut;
  /** So many of the first inputs are refused where they are too long, whatever `truncate` says; 0 when absent. */
  readonly uncut?: number | undefined;
  readonly signal: AbortSignal;
  /** Elements of a vector: its first ones, scaled to length 1 again where the model's are. All when absent. */
  readonly dimensions?: number | undefined;
  /** The tokenizer's own tokens around a text; true when absent. */
  readonly addSpecialTokens?: boolean | undefined;
  /** Whether vectors have length 1; as the model's files say when absent. */
  readonly normalise?: boolean | undefined;
  /** The answer has room for one vector a token, as a model without pooling gives them. */
  readonly takesTokenVectors?: boolean;
}

interface Embedded {
  readonly vectors: readonly Float32Array[];
  /** Tokens of all texts. */
  readonly tokens: number;
}

function scaled(vector: Float32Array): Float32Array {
  const length = Math.sqrt(vector.reduce((sum, x) => sum + x * x, 0));
  return length > 0 ? vector.map(x => x / length) : vector;
}

interface TruncationFields {
  readonly truncate?: boolean | null | undefined;
  readonly truncate_prompt_tokens?: number | null | undefined;
  readonly truncation_side?: "left" | "right" | null | undefined;
}

/** What a body says of texts that are too long. Errors: serve/parameter where more is asked than the model reads. */
export function truncationOf(
  { model }: Pick<EmbeddingEngine, "model">,
  { truncate, truncate_prompt_tokens: most, truncation_side: side }: TruncationFields,
  otherwise: boolean,
): boolean | TextCut {
  if (most == null) {
    const cuts = truncate ?? otherwise;
    return cuts && side === "left" ? { most: model.longest, side } : cuts;
  }
  if (most > model.longest)
    throw serveErrors.fail("parameter", {
      place: "truncate_prompt_tokens",
      expected: `at most ${model.longest} tokens (${model.id})`,
      received: String(most),
      hint: "Please request a smaller truncation size.",
    });
  return { most: most === -1 ? model.longest : most, side: side ?? "right" };
}

/** The tokens of an input; texts among tokens are read without the tokenizer's own around them. */
function inputTokens({ engine: { model }, truncate, addSpecialTokens }: EmbedAsk, input: EmbeddingInput): readonly number[] {
  if (typeof input === "string") return textTokens(model, input, truncate, addSpecialTokens);
  const ids = input.flatMap(part => (typeof part === "number" ? [part] : textTokens(model, part, truncate, false)));
  if (truncate === false) return ids;
  const { most, side } = truncate === true ? ({ most: model.longest, side: "right" } as const) : truncate;
  return side === "right" ? ids.slice(0, most) : ids.slice(-most);
}

/** Errors: serve/parameter, serve/contextLength, serve/unsupported, and those of the engine. */
export async function embedTexts(ask: EmbedAsk): Promise<Embedded> {
  const { engine, inputs, signal, dimensions, normalise } = ask;
  const { model } = engine;
  if (model.config.classifier)
    throw serveErrors.fail("unsupported", {
      place: "model",
      expected: "a sentence encoder",
      received: `"${model.id}", a classifier`,
      hint: `Ask /v1/models/${model.name ?? model.id}:classify.`,
    });
  if (model.pooling === "none" && !ask.takesTokenVectors)
    throw serveErrors.fail("unsupported", {
      place: "model",
      message: `"${model.id}" is served without pooling: a vector for each token, none for a text`,
      hint: "Send the request to /embedding, or start the server without --pooling none.",
    });
  const { matryoshka } = model;
  if (dimensions !== undefined && matryoshka && dimensions !== engine.dimensions && !matryoshka.includes(dimensions))
    throw serveErrors.fail("parameter", {
      place: "dimensions",
      expected: `one of ${[...matryoshka, engine.dimensions].join(", ")}, which ${model.id} was trained for`,
      received: String(dimensions),
    });
  if (dimensions !== undefined && dimensions > engine.dimensions)
    throw serveErrors.fail("parameter", {
      place: "dimensions",
      expected: `at most ${engine.dimensions} (${model.id})`,
      received: String(dimensions),
    });
  let tokens = 0;
  const texts = inputs.map((input, i) => {
    const ids = inputTokens(i < (ask.uncut ?? 0) ? { ...ask, truncate: false } : ask, input);
    tokens += ids.length;
    if (model.pooling === "none" && tokens * engine.dimensions > limits.tokenVectorElements)
      throw serveErrors.fail("parameter", {
        place: "input",
        expected: `at most ${Math.floor(limits.tokenVectorElements / engine.dimensions)} tokens in one request to a model without pooling`,
        received: "more",
        hint: "Send several requests.",
      });
    if (tokens > limits.embeddingTokens)
      throw serveErrors.fail("parameter", {
        place: "input",
        expected: `at most ${limits.embeddingTokens} tokens in one request`,
        received: "more",
        hint: "Send several requests.",
      });
    return ids;
  });
  const computed = await engine.embed(texts, signal);
  const account = responseAccount(signal);
  if (account)
    for (const [i, tokens] of texts.entries()) account.read({ tokens, label: null, labels: [], probabilities: null, vector: computed[i]! });
  const whole = normalise === false ? computed.map(unscaled) : computed;
  const isPart = dimensions !== undefined && dimensions !== engine.dimensions;
  const parts = isPart ? whole.map(v => v.slice(0, dimensions)) : whole;
  const isScaled = isPart ? (normalise ?? model.normalise) : normalise === true && !model.normalise;
  return { vectors: isScaled ? parts.map(scaled) : parts, tokens };
}
