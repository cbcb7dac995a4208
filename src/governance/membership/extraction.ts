/**
 * Extraction: how much of a text a model writes by itself after the text's own beginning, always the likeliest token next (Carlini et al. 2023,
 * "Quantifying memorization"). The tokens that greedy decoding writes before its first mistake are those whose likeliest token, given the text so far, is
 * the text's: so one pass over the text measures it, without decoding.
 */
import { type Interval, wilson } from "../../statistics/index.ts";
import { governanceErrors } from "../errors.ts";

export interface ExtractionOptions {
  /** Tokens of the text that the model is given. */
  readonly prefix: number;
  /** Tokens that it must write exactly for the text to count as extracted. */
  readonly suffix: number;
}

export interface Extraction extends ExtractionOptions {
  /** Texts of at least `prefix + suffix` tokens. */
  readonly texts: number;
  readonly extracted: number;
  /** Share that was extracted, with its 95 % interval (Wilson). Absent where no text is long enough. */
  readonly rate?: Interval;
  /** Most tokens that were written exactly after a prefix, of any text; mean over the texts. */
  readonly longest: number;
  readonly meanRun: number;
}

/** `likeliest[i][k]`: was token k of text i the model's likeliest, given the tokens before it? Errors: governance/membership. */
export function extractionOf(likeliest: readonly ArrayLike<number | boolean>[], { prefix, suffix }: ExtractionOptions): Extraction {
  if (!(Number.isInteger(prefix) && prefix >= 1 && Number.isInteger(suffix) && suffix >= 1))
    throw governanceErrors.fail("membership", {
      place: "extraction",
      expected: "a prefix and a suffix of whole tokens, 1 at least",
      received: `${prefix}, ${suffix}`,
    });
  const runs = likeliest
    .filter(text => text.length >= prefix + suffix)
    .map(text => {
      let run = 0;
      while (prefix + run < text.length && text[prefix + run]) run++;
      return run;
    });
  const extracted = runs.filter(run => run >= suffix).length;
  return {
    prefix,
    suffix,
    texts: runs.length,
    extracted,
    ...(runs.length > 0 ? { rate: wilson(extracted, runs.length) } : {}),
    longest: runs.reduce((a, b) => Math.max(a, b), 0),
    meanRun: runs.length > 0 ? runs.reduce((a, b) => a + b, 0) / runs.length : 0,
  };
}
