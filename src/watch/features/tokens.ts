/**
 * Features of token ids: repetition, runs, how many differ, and how much of the prompt an answer repeats. Linear time and no allocation: n-grams are counted by
 * a 32-bit hash in tables that are kept between calls (a collision among 1,024 n-grams has a chance of 1 in 8,000).
 */

/** Tokens that are looked at, from the end: a model that repeats itself does so there. */
export const mostFeatureTokens = 1024;
/** n of the n-grams whose repetition is counted. Four is what decoders block (`no_repeat_ngram_size`): three repeat in ordinary prose. */
export const repetitionGram = 4;
/** n of the n-grams that an answer shares with its prompt: names and terms are shorter. */
export const echoGram = 8;

export interface AnswerFeatures {
  /** All of them, also those that are not looked at. */
  readonly numTokens: number;
  /** Share of 4-grams that occurred before in the answer, 0 to 1; 0 for fewer than four tokens. */
  readonly repetition: number;
  /** Longest run of one token. */
  readonly longestRun: number;
  /** Different tokens by tokens; 1 for none. */
  readonly distinct: number;
}

const slots = 4 * mostFeatureTokens;
/** An open-addressing set of 32-bit keys, emptied by counting up its stamp. */
class KeySet {
  private readonly keys = new Int32Array(slots);
  private readonly stamps = new Uint32Array(slots);
  private stamp = 0;

  clear(): void {
    this.stamp = (this.stamp + 1) >>> 0;
    // stamps of 2^32 uses ago would count as new
    if (this.stamp === 0) {
      this.stamps.fill(0);
      this.stamp = 1;
    }
  }

  /** Slot of the key, or the empty one where it belongs. */
  private place(key: number): number {
    let at = (Math.imul(key, 0x9e3779b1) >>> 20) & (slots - 1);
    while (this.stamps[at] === this.stamp && this.keys[at] !== key) at = (at + 1) & (slots - 1);
    return at;
  }

  /** Whether the key was there before. */
  add(key: number): boolean {
    const at = this.place(key);
    if (this.stamps[at] === this.stamp) return true;
    this.stamps[at] = this.stamp;
    this.keys[at] = key;
    return false;
  }

  has(key: number): boolean {
    return this.stamps[this.place(key)] === this.stamp;
  }
}
const [grams, tokensSeen] = [new KeySet(), new KeySet()];

/** Hash of the n-gram that begins at a place. */
function gramAt(tokens: ArrayLike<number>, from: number, n: number): number {
  let hash = 0x811c9dc5 | 0;
  for (let i = from; i < from + n; i++) {
    hash = Math.imul(hash ^ tokens[i]!, 0x85ebca6b);
    hash ^= hash >>> 13;
  }
  return hash | 0;
}

export function tokenFeatures(tokens: ArrayLike<number>): AnswerFeatures {
  const from = Math.max(0, tokens.length - mostFeatureTokens);
  const looked = tokens.length - from;
  if (looked === 0) return { numTokens: 0, repetition: 0, longestRun: 0, distinct: 1 };
  grams.clear();
  tokensSeen.clear();
  let [repeated, different, run, longestRun] = [0, 0, 0, 0];
  for (let i = from; i < tokens.length; i++) {
    if (!tokensSeen.add(tokens[i]!)) different++;
    run = i > from && tokens[i] === tokens[i - 1] ? run + 1 : 1;
    if (run > longestRun) longestRun = run;
    if (i + repetitionGram <= tokens.length && grams.add(gramAt(tokens, i, repetitionGram))) repeated++;
  }
  const count = looked - repetitionGram + 1;
  return { numTokens: tokens.length, repetition: count > 0 ? repeated / count : 0, longestRun, distinct: different / looked };
}

/** Share of an answer's 8-grams that its prompt has, 0 to 1, of the last 1,024 tokens of both; 0 for fewer than eight tokens. */
export function echoShare(prompt: ArrayLike<number>, answer: ArrayLike<number>): number {
  const [promptFrom, answerFrom] = [prompt, answer].map(t => Math.max(0, t.length - mostFeatureTokens)) as [number, number];
  const count = answer.length - answerFrom - echoGram + 1;
  if (count <= 0 || prompt.length < echoGram) return 0;
  grams.clear();
  for (let i = promptFrom; i + echoGram <= prompt.length; i++) grams.add(gramAt(prompt, i, echoGram));
  let shared = 0;
  for (let i = answerFrom; i + echoGram <= answer.length; i++) if (grams.has(gramAt(answer, i, echoGram))) shared++;
  return shared / count;
}
