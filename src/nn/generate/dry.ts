/**
 * DRY, "don't repeat yourself" (p-e-w 2024, as llama.cpp documents it): a token that would continue a repetition of `n` tokens loses
 * multiplier x base^(n - allowedLength). A repetition is the longest end of the text that also stands before an earlier place of that token; it does
 * not reach across a sequence breaker.
 */

export interface DryOptions {
  /** 0 is off. */
  readonly multiplier: number;
  readonly base: number;
  /** Shorter repetitions cost nothing. */
  readonly allowedLength: number;
  /** So many of the last tokens of prompt and answer are looked at. */
  readonly lastTokens: number;
  /** Token sequences that a repetition does not reach across; a breaker of one token is never penalised. */
  readonly breakers: readonly (readonly number[])[];
}

/** e to it is the greatest finite float32: a larger power would overflow where llama.cpp computes. */
const mostLogarithm = 88.722_839_1;

/** Tokens behind the last breaker in `tokens`; all of them where there is none. */
function behindBreaker(tokens: readonly number[], byHead: ReadonlyMap<number, readonly (readonly number[])[]>): number {
  for (let at = tokens.length - 1; at >= 0; at--) {
    let longest = 0;
    for (const breaker of byHead.get(tokens[at]!) ?? [])
      if (breaker.length > longest && breaker.every((t, i) => tokens[at + i] === t)) longest = breaker.length;
    if (longest > 0) return tokens.length - at - longest;
  }
  return tokens.length;
}

/** For each place k from the end, how many tokens before it equal the end of `tokens`: the Z-function of the reversed text. */
function suffixMatches(tokens: readonly number[]): Int32Array {
  const n = tokens.length;
  const at = (i: number) => tokens[n - 1 - i]!;
  const z = new Int32Array(n);
  for (let k = 1, left = 0, right = 0; k < n; k++) {
    let length = k < right ? Math.min(right - k, z[k - left]!) : 0;
    while (k + length < n && at(length) === at(k + length)) length++;
    z[k] = length;
    if (k + length > right) [left, right] = [k, k + length];
  }
  return z;
}

const heads = new WeakMap<readonly (readonly number[])[], ReadonlyMap<number, readonly (readonly number[])[]>>();
function headsOf(breakers: readonly (readonly number[])[]): ReadonlyMap<number, readonly (readonly number[])[]> {
  const known = heads.get(breakers);
  if (known) return known;
  const made = new Map<number, (readonly number[])[]>();
  for (const b of breakers) if (b.length > 0) made.set(b[0]!, [...(made.get(b[0]!) ?? []), b]);
  heads.set(breakers, made);
  return made;
}

/** What each token loses that would continue a repetition. */
export function dryPenalties(
  text: readonly number[],
  { multiplier, base, allowedLength, lastTokens, breakers }: DryOptions,
): Map<number, number> {
  const tokens = text.slice(Math.max(0, text.length - lastTokens));
  const penalties = new Map<number, number>();
  if (tokens.length <= allowedLength) return penalties;
  const byHead = headsOf(breakers);
  const longest = behindBreaker(tokens, byHead);
  if (longest < allowedLength) return penalties;
  const lengths = new Map<number, number>();
  for (const [k, length] of suffixMatches(tokens).entries()) {
    if (k === 0) continue;
    const repeated = Math.min(length, longest);
    const next = tokens[tokens.length - k]!;
    if (repeated >= allowedLength && repeated > (lengths.get(next) ?? -1)) lengths.set(next, repeated);
  }
  const mostPower = base > 1.000_001 ? Math.floor(mostLogarithm / Math.log(base)) : 0;
  for (const [token, length] of lengths) {
    if (byHead.get(token)?.some(b => b.length === 1)) continue;
    const power = length - allowedLength;
    penalties.set(token, multiplier * base ** (mostPower > 0 ? Math.min(power, mostPower) : power));
  }
  return penalties;
}
