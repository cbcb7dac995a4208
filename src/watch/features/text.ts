/** Features of a prompt's and an answer's text, where the text is: what leaves are flags and a share. A bounded part of each text is looked at. */
import type { PhraseRule } from "./phrases.ts";
import { phraseBits, scanPhrases } from "./scanner.ts";

/** UTF-16 units of a prompt that are looked at: so many from its beginning and as many from its end. */
export const mostPromptUnits = 4096;
/** Units of an answer's beginning where a refusal is looked for: one that comes later is about refusing. */
export const refusalUnits = 400;
/** Units of an answer where replaced characters are counted. */
const mostAnswerUnits = 4096;

export interface TextFeatures extends Readonly<Record<PhraseRule, boolean>> {
  /** Share of U+FFFD in the answer: bytes that were no UTF-8. */
  readonly replaced: number;
}

function replacedShare(answer: string): number {
  const looked = Math.min(answer.length, mostAnswerUnits);
  if (looked === 0) return 0;
  let count = 0;
  for (let i = 0; i < looked; i++) if (answer.charCodeAt(i) === 0xfffd) count++;
  return count / looked;
}

/** A prompt's bits; a phrase that lies across the middle of a long prompt is not seen. */
function promptBits(prompt: string): number {
  const half = mostPromptUnits / 2;
  if (prompt.length <= mostPromptUnits) return scanPhrases(prompt, 0, prompt.length);
  return scanPhrases(prompt, 0, half) | scanPhrases(prompt, prompt.length - half, prompt.length);
}

export function textFeatures({ prompt = "", answer = "" }: { readonly prompt?: string; readonly answer?: string }): TextFeatures {
  const asked = promptBits(prompt);
  const given = answer === "" ? 0 : scanPhrases(answer, 0, Math.min(answer.length, refusalUnits));
  return {
    refusal: (given & phraseBits.refusal) !== 0,
    injection: (asked & phraseBits.injection) !== 0,
    extraction: (asked & phraseBits.extraction) !== 0,
    replaced: replacedShare(answer),
  };
}
