/**
 * What is done to scores before one token is drawn, as rows of one table in the order of application: first what moves scores, then the
 * temperature, then what removes tokens (score -infinity). Adding a strategy is adding a row. Order as in Hugging Face's generation.
 */
import { keepUntil } from "./greatest.ts";
import type { History, SamplingOptions } from "./options.ts";

export interface Transform {
  readonly isOn: (o: SamplingOptions) => boolean;
  /** May make another token the greatest; the rest only scale or remove from below, which a greedy choice does not see. */
  readonly reorders: boolean;
  /** Changes the scores in place; depends on its arguments alone. */
  readonly apply: (scores: Float64Array, o: SamplingOptions, history: History) => void;
  /** Hears the surprise of the token that was drawn, in bits, among the scores that `apply` was given. */
  readonly drawn?: (surprise: number, o: SamplingOptions, history: History) => void;
}

const out = Number.NEGATIVE_INFINITY;

/** Logarithm of the sum of the exponentials. */
export const logSum = (scores: Float64Array): number => {
  const top = greatest(scores);
  let total = 0;
  for (let i = 0; i < scores.length; i++) total += Math.exp(scores[i]! - top);
  return top + Math.log(total);
};

const greatest = (scores: Float64Array): number => {
  let best = out;
  for (let i = 0; i < scores.length; i++) if (scores[i]! > best) best = scores[i]!;
  return best;
};

export const transformNames = [
  "logitBias",
  "repetitionPenalty",
  "presenceAndFrequency",
  "temperature",
  "topK",
  "topP",
  "minP",
  "typicalP",
  "mirostat",
] as const;
export type TransformName = (typeof transformNames)[number];

export const transforms: { readonly [N in TransformName]: Transform } = {
  logitBias: {
    isOn: o => o.logitBias.size > 0,
    reorders: true,
    apply: (scores, o) => {
      for (const [token, bias] of o.logitBias) if (token < scores.length) scores[token]! += bias;
    },
  },
  // s / r where s > 0, s * r where s < 0: either way less likely for r > 1
  repetitionPenalty: {
    isOn: o => o.repetitionPenalty !== 1,
    reorders: true,
    apply: (scores, o, history) => {
      for (const token of new Set([...history.prompt, ...history.answer])) {
        const s = scores[token];
        if (s !== undefined) scores[token] = s > 0 ? s / o.repetitionPenalty : s * o.repetitionPenalty;
      }
    },
  },
  // s - presence * [count > 0] - frequency * count
  presenceAndFrequency: {
    isOn: o => o.presencePenalty !== 0 || o.frequencyPenalty !== 0,
    reorders: true,
    apply: (scores, o, history) => {
      const counts = new Map<number, number>();
      for (const token of history.answer) counts.set(token, (counts.get(token) ?? 0) + 1);
      for (const [token, count] of counts) if (token < scores.length) scores[token]! -= o.presencePenalty + o.frequencyPenalty * count;
    },
  },
  temperature: {
    isOn: o => o.temperature !== 1 && o.temperature !== 0,
    reorders: false,
    apply: (scores, o) => {
      // from the greatest down, so that a tiny temperature underflows to 0 and never overflows
      const top = greatest(scores);
      for (let i = 0; i < scores.length; i++) scores[i] = (scores[i]! - top) / o.temperature;
    },
  },
  topK: {
    isOn: o => o.topK > 0,
    reorders: false,
    apply: (scores, o) => {
      if (o.topK < scores.length) keepUntil(scores, o.topK, () => 1);
    },
  },
  topP: {
    isOn: o => o.topP < 1,
    reorders: false,
    apply: (scores, o) => {
      const top = greatest(scores);
      const weightOf = (s: number) => Math.exp(s - top);
      let total = 0;
      for (let i = 0; i < scores.length; i++) total += weightOf(scores[i]!);
      keepUntil(scores, o.topP * total, weightOf);
    },
  },
  // p >= minP * pmax, in scores: s >= smax + ln minP
  minP: {
    isOn: o => o.minP > 0,
    reorders: false,
    apply: (scores, o) => {
      const least = greatest(scores) + Math.log(o.minP);
      for (let i = 0; i < scores.length; i++) if (scores[i]! < least) scores[i] = out;
    },
  },
  // nearest first by |-ln p - H|, H the mean of -ln p, until they have the mass
  typicalP: {
    isOn: o => o.typicalP < 1,
    reorders: false,
    apply: (scores, o) => {
      const norm = logSum(scores);
      let entropy = 0;
      for (let i = 0; i < scores.length; i++) if (scores[i]! > out) entropy -= Math.exp(scores[i]! - norm) * (scores[i]! - norm);
      const nearness = scores.map(s => (s === out ? out : -Math.abs(norm - s - entropy)));
      keepUntil(nearness, o.typicalP, (_, id) => Math.exp(scores[id]! - norm));
      for (let i = 0; i < scores.length; i++) if (nearness[i] === out) scores[i] = out;
    },
  },
  // -log2 p <= mu, and mu falls by eta (surprise - tau) after each draw
  mirostat: {
    isOn: o => o.mirostatTau > 0,
    reorders: false,
    apply: (scores, o, { memory }) => {
      const most = memory?.mostSurprise ?? 2 * o.mirostatTau;
      // the likeliest stays in any case
      const least = Math.min(logSum(scores) - most * Math.LN2, greatest(scores));
      for (let i = 0; i < scores.length; i++) if (scores[i]! < least) scores[i] = out;
    },
    drawn: (surprise, o, { memory }) => {
      if (memory) memory.mostSurprise = (memory.mostSurprise ?? 2 * o.mirostatTau) - o.mirostatEta * (surprise - o.mirostatTau);
    },
  },
};
