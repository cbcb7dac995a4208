/**
 * One response as named numbers and flags: pure, in linear time over a bounded part of it, and without text in the result. `live` counts them by minute; the
 * names are those that the table of monitors (`monitors.ts`) has.
 */
import { checkValue } from "../errors.ts";
import { textFeatures } from "./text.ts";
import { echoShare, tokenFeatures } from "./tokens.ts";

/** What a server or a gateway knows of a response; what it does not know is left out. */
export interface ResponseContent {
  readonly promptTokens?: ArrayLike<number>;
  readonly answerTokens?: ArrayLike<number>;
  /** Sum of the answer's log-probabilities (nats). */
  readonly logProbability?: number | null;
  readonly prompt?: string;
  readonly answer?: string;
  /** Of a classifier, one for each label. */
  readonly probabilities?: ArrayLike<number>;
}

export const responseNumbers = [
  "answer-length",
  "prompt-length",
  "nll",
  "repetition",
  "distinct",
  "longest-run",
  "echo",
  "confidence",
  "entropy",
] as const;
export type ResponseNumber = (typeof responseNumbers)[number];

/** Flags: an answer that refuses, a prompt that attacks, an answer that repeats itself, has replaced characters, or is its prompt. */
export const responseFlags = ["refusal", "injection", "extraction", "repeated", "replaced", "echoed"] as const;
export type ResponseFlag = (typeof responseFlags)[number];

export interface ResponseFeatures {
  /** Absent where nothing says them. */
  readonly numbers: Readonly<Partial<Record<ResponseNumber, number>>>;
  /** Absent where nothing says them, else whether it is so. */
  readonly flags: Readonly<Partial<Record<ResponseFlag, boolean>>>;
  /** A classifier's: place of the largest probability. */
  readonly label?: number;
}

/** From which an answer counts as repeated, replaced or echoed: shares of its n-grams and characters, and its least length in tokens. */
export const flagLimits = { repetition: 0.5, repeatedTokens: 32, replaced: 0.01, echo: 0.8, echoedTokens: 16 } as const;

/** Label, confidence and entropy (nats) of a classifier's probabilities. Errors: watch/value. */
export function classifierFeatures(probabilities: ArrayLike<number>): {
  readonly label: number;
  readonly confidence: number;
  readonly entropy: number;
} {
  checkValue(probabilities.length > 0, "probabilities", "one or more", "none");
  let [label, entropy] = [0, 0];
  for (let i = 0; i < probabilities.length; i++) {
    const p = probabilities[i]!;
    checkValue(p >= 0 && p <= 1, `probabilities[${i}]`, "a number of 0 to 1", p);
    if (p > probabilities[label]!) label = i;
    if (p > 0) entropy -= p * Math.log(p);
  }
  return { label, confidence: probabilities[label]!, entropy };
}

/** Errors: watch/value for probabilities that are none. */
export function responseFeatures({
  promptTokens,
  answerTokens,
  logProbability,
  prompt,
  answer,
  probabilities,
}: ResponseContent): ResponseFeatures {
  const numbers: Partial<Record<ResponseNumber, number>> = {};
  const flags: Partial<Record<ResponseFlag, boolean>> = {};
  if (promptTokens) numbers["prompt-length"] = promptTokens.length;
  if (answerTokens && answerTokens.length > 0) {
    const { numTokens, repetition, longestRun, distinct } = tokenFeatures(answerTokens);
    numbers["answer-length"] = numTokens;
    numbers.repetition = repetition;
    numbers.distinct = distinct;
    numbers["longest-run"] = longestRun;
    flags.repeated = numTokens >= flagLimits.repeatedTokens && repetition >= flagLimits.repetition;
    // a sum that is no number is a fault of the model, which errors show
    if (logProbability !== undefined && logProbability !== null && Number.isFinite(logProbability))
      numbers.nll = -logProbability / numTokens;
    if (promptTokens) {
      numbers.echo = echoShare(promptTokens, answerTokens);
      flags.echoed = numTokens >= flagLimits.echoedTokens && numbers.echo >= flagLimits.echo;
    }
  }
  if (prompt !== undefined || answer !== undefined) {
    const text = textFeatures({ ...(prompt === undefined ? {} : { prompt }), ...(answer === undefined ? {} : { answer }) });
    if (prompt !== undefined) [flags.injection, flags.extraction] = [text.injection, text.extraction];
    if (answer !== undefined) [flags.refusal, flags.replaced] = [text.refusal, text.replaced >= flagLimits.replaced];
  }
  if (!probabilities) return { numbers, flags };
  const { label, confidence, entropy } = classifierFeatures(probabilities);
  return { numbers: { ...numbers, confidence, entropy }, flags, label };
}
