/** Answers of a given form: which tokens may come next, and how scores are masked by it before anything else is done to them. */
import type { Logits } from "./sample.ts";

/** A state of a form; a value, so that answers, beams and guesses can go on from the same one. */
export interface FormState {
  /** Tokens that may come: bit `i & 31` of word `i >> 5`. */
  readonly mask: Uint32Array;
  /** The answer may end here: tokens that end it are possible. */
  readonly isAccepting: boolean;
  /** The answer must end here. */
  readonly isComplete: boolean;
  /** Bytes of text that must come next, where the form tells them: nothing else is possible, so they need not be asked for. */
  readonly forced?: Uint8Array;
  /** After one more token; undefined where it may not come. */
  next(token: number): FormState | undefined;
}

/**
 * Logits [V] with -infinity for every token that may not come, in `out` or a new array. Tokens that end an answer are possible exactly where
 * it may end, so no answer ends unfinished by one.
 */
export function maskLogits(
  logits: Logits,
  state: FormState,
  endTokens: Iterable<number>,
  out: Logits = new Float32Array(logits.length),
): Logits {
  out.fill(Number.NEGATIVE_INFINITY);
  const { mask } = state;
  const words = Math.min(mask.length, (logits.length + 31) >>> 5);
  for (let w = 0; w < words; w++) {
    // the lowest bit that is set, again and again
    for (let bits = mask[w]!; bits !== 0; bits &= bits - 1) {
      const i = w * 32 + 31 - Math.clz32(bits & -bits);
      if (i < logits.length) out[i] = logits[i]!;
    }
  }
  for (const t of endTokens) if (t < out.length) out[t] = state.isAccepting ? logits[t]! : Number.NEGATIVE_INFINITY;
  return out;
}
