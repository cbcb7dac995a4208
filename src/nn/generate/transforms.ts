/**
 * What is done to scores before one token is drawn, as rows of one table in the order of application: first what moves scores, then the
 * temperature, then what removes tokens (score -infinity). Adding a strategy is adding a row. Order as in Hugging Face's generation.
 */
import { nnErrors } from "../errors.ts";
import { dryPenalties } from "./dry.ts";
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

/** A score that no sum or difference of scores overflows. */
const farthest = 1e300;

const isPossible = (scores: Float64Array): boolean => scores.some(s => s > out);

/** Errors: nn/impossible. */
function checkPossible(scores: Float64Array, option: string): void {
  if (!isPossible(scores))
    throw nnErrors.fail("impossible", {
      place: `sampling.${option}`,
      expected: "at least one token that may come next",
      received: "none",
      hint: "Allow more tokens.",
    });
}

/** The last tokens of prompt and answer. */
const lastTokens = ({ prompt, answer }: History, count: number): readonly number[] => {
  const all = prompt.length === 0 ? answer : [...prompt, ...answer];
  return count < all.length ? all.slice(all.length - count) : all;
};

export const transformNames = [
  "logitBias",
  "repetitionPenalty",
  "presenceAndFrequency",
  "dry",
  "allowedTokens",
  "badSequences",
  "minTokens",
  "temperature",
  "topK",
  "topP",
  "minP",
  "typicalP",
  "xtc",
  "mirostat",
] as const;
export type TransformName = (typeof transformNames)[number];

export const transforms: { readonly [N in TransformName]: Transform } = {
  logitBias: {
    isOn: o => o.logitBias.size > 0,
    reorders: true,
    apply: (scores, o) => {
      let isBan = false;
      for (const [token, bias] of o.logitBias) {
        if (token < scores.length) scores[token]! += bias;
        isBan ||= bias === out;
      }
      if (isBan) checkPossible(scores, "logitBias");
    },
  },
  // s / r where s > 0, s * r where s < 0: either way less likely for r > 1
  repetitionPenalty: {
    isOn: o => o.repetitionPenalty !== 1,
    reorders: true,
    apply: (scores, o, history) => {
      for (const token of new Set(lastTokens(history, o.repetitionWindow))) {
        const s = scores[token];
        if (s !== undefined) scores[token] = s > 0 ? Math.min(farthest, s / o.repetitionPenalty) : s * o.repetitionPenalty;
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
  dry: {
    isOn: o => o.dry !== undefined && o.dry.multiplier !== 0,
    reorders: true,
    apply: (scores, { dry }, history) => {
      for (const [token, penalty] of dryPenalties(lastTokens(history, dry!.lastTokens), dry!))
        if (token < scores.length) scores[token]! -= penalty;
    },
  },
  allowedTokens: {
    isOn: o => o.allowedTokens !== undefined,
    reorders: true,
    apply: (scores, { allowedTokens }) => {
      for (let i = 0; i < scores.length; i++) if (!allowedTokens!.has(i)) scores[i] = out;
      checkPossible(scores, "allowedTokens");
    },
  },
  // the last token of a sequence, where the answer ends in the others
  badSequences: {
    isOn: o => o.badSequences.length > 0,
    reorders: true,
    apply: (scores, { badSequences }, { answer }) => {
      for (const bad of badSequences) {
        const last = bad.length - 1;
        const from = answer.length - last;
        if (from >= 0 && bad.every((t, i) => i === last || answer[from + i] === t) && bad[last]! < scores.length) scores[bad[last]!] = out;
      }
      checkPossible(scores, "badSequences");
    },
  },
  // where nothing else is possible (a form is complete) the answer ends earlier
  minTokens: {
    isOn: o => o.minTokens > 0,
    reorders: true,
    apply: (scores, o, { answer }) => {
      if (answer.length >= o.minTokens) return;
      const before = o.endTokens.map(t => scores[t]);
      for (const t of o.endTokens) if (t < scores.length) scores[t] = out;
      if (!isPossible(scores)) for (const [i, t] of o.endTokens.entries()) if (t < scores.length) scores[t] = before[i]!;
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
  // p >= threshold, all but the least likely of them, with the chance
  xtc: {
    isOn: o => o.xtcProbability > 0 && o.xtcThreshold <= 0.5,
    reorders: false,
    apply: (scores, o, { coin = 0 }) => {
      if (coin >= o.xtcProbability) return;
      const least = logSum(scores) + Math.log(o.xtcThreshold);
      const top = [...scores.keys()].filter(i => scores[i]! >= least && scores[i]! > out);
      const kept = top.reduce((a, b) => (scores[b]! <= scores[a]! ? b : a), top[0] ?? 0);
      for (const i of top) if (i !== kept) scores[i] = out;
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
