/**
 * One sequence, token by token: what training's samples and a chat in the terminal need. Serving many at once is the serve room's business;
 * it stands on the same cached decoder and the same sampling. `generateUncached` is the judge in tests: the whole sequence every time.
 */
import { type Random, random } from "../../base/index.ts";
import { compile, type Device, type Tensor } from "../../tensor/index.ts";
import { type Decoder, type DecoderConfig, decoderLogits } from "../decoder.ts";
import { nnErrors } from "../errors.ts";
import { CachedDecoder, type DecoderParameters, type StepDecoder } from "./cached-decoder.ts";
import { nextChunk } from "./chunks.ts";
import { type SamplingMemory, type SamplingOptions, samplingOptions } from "./options.ts";
import { type Logits, sampleToken } from "./sample.ts";
import { TextStream, type TokenTextStream } from "./text-output.ts";

export interface GenerateModel {
  readonly config: DecoderConfig;
  readonly parameters: DecoderParameters;
  readonly device: Device;
}

export type FinishReason = "stop" | "length";

export interface GenerateOptions {
  readonly sampling?: Partial<SamplingOptions>;
  /** Tokens of the answer at most; what the context leaves when absent. */
  readonly maxTokens?: number;
  /** Tokens that end the answer and are not part of it. */
  readonly stopTokens?: readonly number[];
  readonly seed?: number | string;
  /** Which of several answers to the same prompt: each has random numbers of its own. */
  readonly choice?: number;
  /** Used instead of one made for this call, so that its programs are built once. Slot 0 is overwritten. */
  readonly decoder?: StepDecoder;
  readonly signal?: AbortSignal;
}

/** The random numbers of one answer: they depend on seed and choice alone, and only this answer draws from them. */
export const choiceRandom = (seed: number | string, choice: number): Random => random(seed).fork(`choice ${choice}`);

function begin(config: DecoderConfig, prompt: readonly number[], o: GenerateOptions, room: number) {
  if (prompt.length === 0)
    throw nnErrors.fail("sampling", { place: "generate.tokens", expected: "at least one token to go on from", received: "none" });
  const strange = prompt.find(t => !Number.isSafeInteger(t) || t < 0 || t >= config.vocab);
  if (strange !== undefined)
    throw nnErrors.fail("sampling", { place: "generate.tokens", expected: `token ids below ${config.vocab}`, received: String(strange) });
  if (prompt.length > room)
    throw nnErrors.fail("sampling", {
      place: "generate.tokens",
      expected: `at most ${room} tokens`,
      received: String(prompt.length),
      hint: "Shorten the prompt.",
    });
  const { maxTokens } = o;
  if (maxTokens !== undefined && (!Number.isSafeInteger(maxTokens) || maxTokens < 0))
    throw nnErrors.fail("sampling", { place: "generate.maxTokens", expected: "a whole number from 0", received: String(maxTokens) });
  return {
    sampling: samplingOptions(o.sampling),
    rng: choiceRandom(o.seed ?? 0, o.choice ?? 0),
    most: Math.min(maxTokens ?? Number.POSITIVE_INFINITY, room - prompt.length),
    stops: new Set(o.stopTokens ?? []),
  };
}

/** Draws tokens from whatever gives the logits of the sequence so far. */
async function* draw(
  config: DecoderConfig,
  prompt: readonly number[],
  o: GenerateOptions,
  room: number,
  /** The next token, given the logits after all of `sequence`. */
  next: (sequence: readonly number[], choose: (logits: Logits) => number) => Promise<number>,
): AsyncGenerator<number, FinishReason, undefined> {
  const { sampling, rng, most, stops } = begin(config, prompt, o, room);
  const answer: number[] = [];
  const sequence = [...prompt];
  const memory: SamplingMemory = {};
  while (answer.length < most) {
    o.signal?.throwIfAborted();
    const token = await next(sequence, logits => sampleToken(logits, { prompt, answer, memory }, sampling, rng));
    if (stops.has(token)) return "stop";
    answer.push(token);
    sequence.push(token);
    yield token;
  }
  return "length";
}

/**
 * Tokens that follow `prompt`, as they are drawn; returns why it ended. Errors: nn/sampling for options and tokens out of range. Abandoning
 * the iteration frees what it holds.
 */
export async function* generate(
  model: GenerateModel,
  prompt: readonly number[],
  o: GenerateOptions = {},
): AsyncGenerator<number, FinishReason, undefined> {
  const decoder = o.decoder ?? (await CachedDecoder.open(model.config, model.device));
  const { room, slots, widths } = decoder;
  let computed = 0;
  try {
    return yield* draw(model.config, prompt, o, room, async (sequence, choose) => {
      for (;;) {
        const left = sequence.length - computed;
        const chunk = nextChunk(computed, sequence.length, widths, room);
        const rows =
          left === 1
            ? await decoder.decode(model.parameters, firstOf(slots, sequence[computed]!), firstOf(slots, computed))
            : await decoder.prefill(model.parameters, 0, sequence, chunk);
        computed = left === 1 ? computed + 1 : chunk.start + chunk.count;
        try {
          if (computed === sequence.length) return choose(rows.row(0));
        } finally {
          rows.release();
        }
      }
    });
  } finally {
    if (!o.decoder) decoder.dispose();
  }
}

const firstOf = (slots: number, value: number): Int32Array => {
  const all = new Int32Array(slots);
  all[0] = value;
  return all;
};

/** The same without a cache: all logits of the padded context for every token. */
export async function* generateUncached(
  model: GenerateModel,
  prompt: readonly number[],
  o: Omit<GenerateOptions, "decoder"> = {},
): AsyncGenerator<number, FinishReason, undefined> {
  const { config, device, parameters } = model;
  const program = compile((p: Decoder, tokens: Tensor) => decoderLogits(config, p, tokens), { device, name: "uncached" });
  try {
    return yield* draw(config, prompt, o, config.context, async (sequence, choose) => {
      const padded = Int32Array.from({ length: config.context }, (_, i) => sequence[i] ?? 0);
      const tokens = await device.array(padded, "i32", [1, config.context]);
      const logits = await program(parameters, tokens);
      tokens.dispose();
      try {
        const all = (await logits.read()) as Float32Array;
        return choose(all.subarray((sequence.length - 1) * config.vocab, sequence.length * config.vocab));
      } finally {
        logits.dispose();
      }
    });
  } finally {
    program.dispose();
  }
}

/** Text that follows a prompt, in pieces that are certain; ends at a stop string too, which is not part of the text. */
export async function* generateText(
  model: GenerateModel,
  stream: TokenTextStream,
  prompt: readonly number[],
  o: GenerateOptions & { readonly stop?: readonly string[] } = {},
): AsyncGenerator<string, FinishReason, undefined> {
  const text = new TextStream(stream, o.stop ?? []);
  const tokens = generate(model, prompt, o);
  try {
    for (;;) {
      const { value, done } = await tokens.next();
      const piece = done ? text.end() : text.push(value);
      if (piece) yield piece;
      if (done) return text.stop === undefined ? value : "stop";
      if (text.stop !== undefined) return "stop";
    }
  } finally {
    await tokens.return("stop");
  }
}
