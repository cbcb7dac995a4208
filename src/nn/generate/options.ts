/**
 * How the next token is chosen, as plain data: what each option means, where it is off, and its bounds. The HTTP contracts have narrower
 * bounds of their own; these are what the mathematics allows.
 */
import { nnErrors } from "../errors.ts";
import type { DryOptions } from "./dry.ts";

export interface SamplingOptions {
  /** Scores are divided by it; 0 takes the greatest and ignores the seed. */
  readonly temperature: number;
  /** The temperature comes after everything that removes tokens, as llama.cpp has it; before it where false, as in Hugging Face's generation. */
  readonly temperatureLast: boolean;
  /** Only the k greatest scores stay; 0 is off. */
  readonly topK: number;
  /** Only the smallest set of most likely tokens with at least this mass stays (Holtzman et al. 2020); 1 is off. */
  readonly topP: number;
  /** Only tokens at least this likely relative to the most likely one stay (Nguyen et al. 2024); 0 is off. */
  readonly minP: number;
  /** Only the tokens whose surprise is nearest to the expected one stay, until they have this mass (Meister et al. 2023); 1 is off. */
  readonly typicalP: number;
  /** Surprise of the answer's tokens that is aimed at, in bits (mirostat, Basu et al. 2021, second algorithm); 0 is off. */
  readonly mirostatTau: number;
  /** How fast it follows what was drawn. */
  readonly mirostatEta: number;
  /** Scores of tokens seen in prompt or answer are divided by it where positive, multiplied where negative (Keskar et al. 2019); 1 is off. */
  readonly repetitionPenalty: number;
  /** `repetitionPenalty` sees so many of the last tokens of prompt and answer; Infinity: all of them. */
  readonly repetitionWindow: number;
  /** Taken off the score of every token that the answer already has; 0 is off. */
  readonly presencePenalty: number;
  /** The same, once for each time the answer has it; 0 is off. */
  readonly frequencyPenalty: number;
  /** Added to the scores of single tokens; -Infinity makes one impossible. */
  readonly logitBias: ReadonlyMap<number, number>;
  /** Penalises what would continue a repetition; undefined is off. */
  readonly dry: DryOptions | undefined;
  /** The only tokens that may be drawn; undefined: all may. */
  readonly allowedTokens: ReadonlySet<number> | undefined;
  /** Sequences of tokens that the answer may not complete. */
  readonly badSequences: readonly (readonly number[])[];
  /** Tokens that end an answer are impossible while it has fewer than `minTokens`; 0 is off. */
  readonly minTokens: number;
  readonly endTokens: readonly number[];
  /** Chance that of the tokens at least as likely as `xtcThreshold` only the least likely stays (p-e-w 2024); 0 is off. */
  readonly xtcProbability: number;
  readonly xtcThreshold: number;
}

export const defaultSampling: SamplingOptions = {
  temperature: 1,
  temperatureLast: false,
  topK: 0,
  topP: 1,
  minP: 0,
  typicalP: 1,
  mirostatTau: 0,
  mirostatEta: 0.1,
  repetitionPenalty: 1,
  repetitionWindow: Number.POSITIVE_INFINITY,
  presencePenalty: 0,
  frequencyPenalty: 0,
  logitBias: new Map(),
  dry: undefined,
  allowedTokens: undefined,
  badSequences: [],
  minTokens: 0,
  endTokens: [],
  xtcProbability: 0,
  xtcThreshold: 0.1,
};

type NumberKey = { [K in keyof SamplingOptions]: SamplingOptions[K] extends number ? K : never }[keyof SamplingOptions];

const bounds: { readonly [K in NumberKey]: { readonly allows: (x: number) => boolean; readonly text: string } } = {
  temperature: { allows: x => x >= 0 && x < Number.POSITIVE_INFINITY, text: "a number from 0" },
  topK: { allows: x => Number.isSafeInteger(x) && x >= 0, text: "a whole number from 0 (off)" },
  topP: { allows: x => x > 0 && x <= 1, text: "a number above 0, at most 1 (off)" },
  minP: { allows: x => x >= 0 && x <= 1, text: "a number from 0 (off) to 1" },
  typicalP: { allows: x => x > 0 && x <= 1, text: "a number above 0, at most 1 (off)" },
  mirostatTau: { allows: x => x >= 0 && x < Number.POSITIVE_INFINITY, text: "a number from 0 (off)" },
  mirostatEta: { allows: x => x > 0 && x <= 1, text: "a number above 0, at most 1" },
  repetitionPenalty: { allows: x => x > 0 && x < Number.POSITIVE_INFINITY, text: "a number above 0 (1 is off)" },
  repetitionWindow: {
    allows: x => x === Number.POSITIVE_INFINITY || (Number.isSafeInteger(x) && x >= 0),
    text: "a whole number from 0 (off), or Infinity",
  },
  presencePenalty: { allows: Number.isFinite, text: "a finite number" },
  frequencyPenalty: { allows: Number.isFinite, text: "a finite number" },
  minTokens: { allows: x => Number.isSafeInteger(x) && x >= 0, text: "a whole number from 0 (off)" },
  xtcProbability: { allows: x => x >= 0 && x <= 1, text: "a number from 0 (off) to 1" },
  xtcThreshold: { allows: x => x >= 0 && x <= 1, text: "a number from 0 to 1 (above 0.5 is off)" },
};

/** The options with defaults filled in. Errors: nn/sampling names the option, its bounds and the value. */
export function samplingOptions(given: Partial<SamplingOptions> = {}, place = "sampling"): SamplingOptions {
  const options = { ...defaultSampling, ...given };
  for (const key of Object.keys(bounds) as NumberKey[])
    if (typeof options[key] !== "number" || !bounds[key].allows(options[key]))
      throw nnErrors.fail("sampling", { place: `${place}.${key}`, expected: bounds[key].text, received: String(options[key]) });
  for (const [token, bias] of options.logitBias)
    if (!Number.isSafeInteger(token) || token < 0 || !(Number.isFinite(bias) || bias === Number.NEGATIVE_INFINITY))
      throw nnErrors.fail("sampling", {
        place: `${place}.logitBias`,
        expected: "token ids from 0 with finite numbers or -Infinity",
        received: `${token}: ${bias}`,
      });
  return options;
}

/** What was said so far; penalties look at it. */
export interface History {
  readonly prompt: readonly number[];
  readonly answer: readonly number[];
  /** What strategies remember of the answer from token to token; without it every token is their first. */
  readonly memory?: SamplingMemory;
  /** From 0 to 1, drawn for the next token where a strategy tosses. */
  readonly coin?: number;
  /** Is told the scores that the next token is drawn from, before they are overwritten. */
  readonly watch?: (scores: Float64Array) => void;
}

/** The only thing that sampling changes. It belongs to one answer. */
export interface SamplingMemory {
  /** Mirostat: the most surprise that the next token may have, in bits; twice the aim at the start. */
  mostSurprise?: number;
}
