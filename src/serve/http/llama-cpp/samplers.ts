/**
 * Samplers of llama.cpp's API: which ones a request uses, with llama.cpp's defaults, as OpenAI's and vLLM's fields, which the engine knows, and as
 * `generation_settings` tells them. Samplers that are not named in `samplers` are off.
 */

import type { SamplingOptions } from "../../../nn/index.ts";
import type { NativeCompletion, SamplingFields } from "../../../protocols/index.ts";
import { serveErrors } from "../../errors.ts";
import { isToken } from "../../padded-vocabulary.ts";
import type { ServedModel, ServedTokenizer } from "../../served-model.ts";

/** In llama.cpp's order, with the letters and the further names that it takes. */
const samplerNames = {
  penalties: { letter: "e", also: [] },
  dry: { letter: "d", also: [] },
  top_n_sigma: { letter: "s", also: ["top-n-sigma"] },
  top_k: { letter: "k", also: ["top-k"] },
  typ_p: { letter: "y", also: ["typical_p", "typical-p", "typical", "typ-p", "typ"] },
  top_p: { letter: "p", also: ["top-p", "nucleus"] },
  min_p: { letter: "m", also: ["min-p"] },
  xtc: { letter: "x", also: [] },
  temperature: { letter: "t", also: ["temp"] },
  infill: { letter: "i", also: [] },
  adaptive_p: { letter: "a", also: ["adaptive-p"] },
} as const;
type SamplerName = keyof typeof samplerNames;
const names = Object.keys(samplerNames) as SamplerName[];
const defaultOrder = names.filter(n => n !== "infill" && n !== "adaptive_p");

const named = (text: string): SamplerName | undefined =>
  names.find(n => n === text || (samplerNames[n].also as readonly string[]).includes(text));

/** Errors: serve/parameter for a name or letter that is none. */
function samplersOf(given: string | readonly string[] | null | undefined): readonly SamplerName[] {
  if (given == null) return defaultOrder;
  const texts = typeof given === "string" ? [...given] : given;
  return texts.map((text, i) => {
    const name = typeof given === "string" ? names.find(n => samplerNames[n].letter === text) : named(text);
    if (name) return name;
    throw serveErrors.fail("parameter", {
      place: `samplers[${i}]`,
      expected: typeof given === "string" ? `letters of ${names.map(n => samplerNames[n].letter).join("")}` : `one of ${names.join(", ")}`,
      received: JSON.stringify(text.slice(0, 40)),
    });
  });
}

const within = (value: number, least: number, most: number): number => Math.min(most, Math.max(least, value));

/** llama.cpp's defaults; a model's own come before them. */
const defaults = { temperature: 0.8, topK: 40, topP: 0.95, minP: 0.05, typicalP: 1 };

/** Biases by token id: of a text each of its tokens, `false` bans. A key of an object that is a number is a token id. */
function biasesOf(tokenizer: ServedTokenizer, given: NativeCompletion["logit_bias"]): Map<number, number> {
  const biases = new Map<number, number>();
  const isPairs = Array.isArray(given);
  const pairs: readonly (readonly [string | number, number | false])[] = isPairs ? given : Object.entries(given ?? {});
  for (const [of, said] of pairs) {
    const id = typeof of === "number" ? of : !isPairs && /^\d{1,9}$/.test(of) ? Number(of) : undefined;
    const ids = id === undefined ? Array.from(tokenizer.encode(String(of), { addSpecialTokens: false, readSpecialTokens: false })) : [id];
    // what is no token of the model is left out, as llama.cpp does
    for (const token of ids) if (isToken(tokenizer, token)) biases.set(token, said === false ? Number.NEGATIVE_INFINITY : said);
  }
  return biases;
}

export interface NativeSampling {
  /** As the engine's own requests have it. */
  readonly fields: Omit<SamplingFields, "model">;
  readonly biases: ReadonlyMap<number, number>;
  /** The temperature comes after the samplers that remove tokens. */
  readonly temperatureLast: boolean;
  /** What of the request changes nothing. */
  readonly ignored: readonly string[];
  /** As `generation_settings` tells it. */
  readonly settings: Readonly<Record<string, unknown>>;
}

/** Samplers that remove tokens, in the order in which they are applied here. */
const cutOrder: readonly SamplerName[] = ["top_k", "top_p", "min_p", "typ_p", "xtc"];

/** Where the temperature stands among those that remove tokens, and whether that order is another one than asked for. */
function orderOf(samplers: readonly SamplerName[], isGiven: boolean): { readonly temperatureLast: boolean; readonly isOther: boolean } {
  const at = samplers.indexOf("temperature");
  const cuts = samplers.filter(n => cutOrder.includes(n));
  const temperatureLast = at < 0 || cuts.every(n => samplers.indexOf(n) < at);
  const isFirst = cuts.every(n => samplers.indexOf(n) > at);
  const isSorted = cuts.every((n, i) => i === 0 || cutOrder.indexOf(cuts[i - 1]!) < cutOrder.indexOf(n));
  return { temperatureLast, isOther: isGiven && !((temperatureLast || isFirst) && (isSorted || samplers.join() === defaultOrder.join())) };
}

/** What llama.cpp tells of samplers that are not here. */
const absent = { dynatemp_range: 0, dynatemp_exponent: 1, top_n_sigma: -1, adaptive_target: -1, adaptive_decay: 0.9, min_keep: 0 };

/** Penalties for what was said: repetition, and DRY. */
function penaltiesOf(body: NativeCompletion, sampling: Partial<SamplingOptions>, uses: (name: SamplerName) => boolean) {
  const isOn = uses("penalties");
  const said = (value: number | null | undefined, own: number | undefined, idle: number) => (isOn ? (value ?? own ?? idle) : idle);
  return {
    repeat_last_n: body.repeat_last_n ?? 64,
    repeat_penalty: said(body.repeat_penalty, sampling.repetitionPenalty, 1),
    presence_penalty: said(body.presence_penalty, sampling.presencePenalty, 0),
    frequency_penalty: said(body.frequency_penalty, sampling.frequencyPenalty, 0),
    dry_multiplier: uses("dry") ? (body.dry_multiplier ?? 0) : 0,
    dry_base: body.dry_base ?? 1.75,
    dry_allowed_length: body.dry_allowed_length ?? 2,
    dry_penalty_last_n: body.dry_penalty_last_n ?? 64,
    dry_sequence_breakers: body.dry_sequence_breakers ?? ["\n", ":", '"', "*"],
  };
}

/** Errors: serve/parameter. */
export function nativeSampling(
  body: NativeCompletion,
  { sampling = {}, tokenizer, ...model }: Partial<Pick<ServedModel, "sampling" | "tokenizer" | "seed">>,
): NativeSampling {
  const samplers = samplersOf(body.samplers);
  const own = { ...defaults, ...sampling };
  const mirostat = body.mirostat ?? 0;
  const uses = (name: SamplerName): boolean => samplers.includes(name);
  /** The value of a sampler that is used; `idle` where it is not. Mirostat takes the place of all that remove tokens. */
  const of = (name: SamplerName, value: number, idle: number): number => (uses(name) && mirostat === 0 ? value : idle);
  const cuts = {
    top_k: of("top_k", Math.max(0, body.top_k ?? own.topK), 0),
    top_p: of("top_p", within(body.top_p ?? own.topP, 0, 1), 1),
    min_p: of("min_p", within(body.min_p ?? own.minP, 0, 1), 0),
    typical_p: of("typ_p", within(body.typical_p ?? own.typicalP, 0, 1), 1),
    xtc_probability: of("xtc", within(body.xtc_probability ?? 0, 0, 1), 0),
    xtc_threshold: within(body.xtc_threshold ?? 0.1, 0, 1),
  };
  const temperature = uses("temperature") || mirostat > 0 ? Math.max(0, body.temperature ?? own.temperature) : 1;
  const penalties = penaltiesOf(body, sampling, uses);
  const mirostats = { mirostat_tau: body.mirostat_tau ?? 5, mirostat_eta: body.mirostat_eta ?? 0.1 };
  const seed = (body.seed === -1 ? undefined : body.seed) ?? model.seed;
  const { temperatureLast, isOther } = orderOf(samplers, body.samplers != null);
  const unknown = (["infill", "top_n_sigma", "adaptive_p"] as const).filter(n => body.samplers != null && uses(n));
  return {
    // a model that is only told of has no tokenizer, and nothing is asked of it
    biases: tokenizer ? biasesOf(tokenizer, body.logit_bias) : new Map<number, number>(),
    temperatureLast: temperatureLast && mirostat === 0,
    ignored: [...(isOther ? ["samplers"] : []), ...unknown.map(n => `samplers.${n}`)],
    fields: {
      temperature,
      ...cuts,
      ...penalties,
      ...(mirostat === 2 ? { mirostat, ...mirostats } : {}),
      ...(seed === undefined ? {} : { seed }),
    },
    settings: {
      ...absent,
      // what llama.cpp says where a seed is drawn
      seed: seed ?? 0xffffffff,
      temperature,
      ...cuts,
      ...penalties,
      mirostat,
      ...mirostats,
      samplers,
    },
  };
}
