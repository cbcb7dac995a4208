/** Texts to vectors for every contract that embeds: texts to tokens (too long is refused, or cut where the client says so), then the encoder's engine. */
import type { EmbeddingEngine } from "../embedding/embedding-engine.ts";
import { textTokens } from "../embedding/text-tokens.ts";
import { serveErrors } from "../errors.ts";
import { limits } from "../limits.ts";

type EmbeddingInput = string | readonly number[];

interface EmbedAsk {
  readonly engine: EmbeddingEngine;
  readonly inputs: readonly EmbeddingInput[];
  /** Reads the start of what is too long. */
  readonly truncate: boolean;
  readonly signal: AbortSignal;
  /** Elements of a vector: its first ones, scaled to length 1 again where the model's are. All when absent. */
  readonly dimensions?: number | undefined;
}

interface Embedded {
  readonly vectors: readonly Float32Array[];
  /** Tokens of all texts. */
  readonly tokens: number;
}

function shortened(vector: Float32Array, dimensions: number, normalise: boolean): Float32Array {
  const part = vector.slice(0, dimensions);
  const length = Math.sqrt(part.reduce((sum, x) => sum + x * x, 0));
  return normalise && length > 0 ? part.map(x => x / length) : part;
}

/** Errors: serve/parameter, serve/contextLength, and those of the engine. */
export async function embedTexts({ engine, inputs, truncate, signal, dimensions }: EmbedAsk): Promise<Embedded> {
  const { model } = engine;
  if (model.config.classifier)
    throw serveErrors.fail("unsupported", {
      place: "model",
      expected: "a sentence encoder",
      received: `"${model.id}", a classifier`,
      hint: `Ask /v1/models/${model.name ?? model.id}:classify.`,
    });
  if (dimensions !== undefined && dimensions > engine.dimensions)
    throw serveErrors.fail("parameter", {
      place: "dimensions",
      expected: `at most ${engine.dimensions} (${model.id})`,
      received: String(dimensions),
    });
  let tokens = 0;
  const texts = inputs.map(input => {
    const ids = typeof input === "string" ? textTokens(model, input, truncate) : truncate ? input.slice(0, model.longest) : input;
    tokens += ids.length;
    if (tokens > limits.embeddingTokens)
      throw serveErrors.fail("parameter", {
        place: "input",
        expected: `at most ${limits.embeddingTokens} tokens in one request`,
        received: "more",
        hint: "Send several requests.",
      });
    return ids;
  });
  const whole = await engine.embed(texts, signal);
  const vectors =
    dimensions === undefined || dimensions === engine.dimensions ? whole : whole.map(v => shortened(v, dimensions, model.normalise));
  return { vectors, tokens };
}
