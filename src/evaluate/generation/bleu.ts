/**
 * BLEU of a corpus (Papineni et al. 2002) as sacrebleu 2 computes it: tokens of mteval-v13a, up to four words, exponential smoothing of orders
 * without a match (Chen & Cherry 2014, method 3), the reference length nearest to the prediction's. Case counts.
 */
import { gramsOf, greatestOf, sharedGrams } from "./grams.ts";
import type { TextMetric } from "./metric.ts";

const orders = 4;
const entities = { "&quot;": '"', "&amp;": "&", "&lt;": "<", "&gt;": ">" } as const;

/** mteval-v13a: signs stand alone; full stops, commas and dashes do unless they are within a number. */
export function tokens13a(text: string): string[] {
  let t = text.replaceAll("<skipped>", "").replaceAll("-\n", "").replaceAll("\n", " ");
  for (const [entity, sign] of Object.entries(entities)) t = t.replaceAll(entity, sign);
  return ` ${t} `
    .replace(/[!-&(-+/:-@[-`{-~]/g, " $& ")
    .replace(/([^0-9])([.,])/g, "$1 $2 ")
    .replace(/([.,])([^0-9])/g, " $1 $2")
    .replace(/([0-9])(-)/g, "$1 $2 ")
    .split(/\s+/)
    .filter(Boolean);
}

/** The length nearest to n, the shorter of two that are as near. */
const nearestLength = (n: number, lengths: readonly number[]): number =>
  lengths.reduce((best, l) => (Math.abs(l - n) < Math.abs(best - n) || (Math.abs(l - n) === Math.abs(best - n) && l < best) ? l : best));

/** Sums: length of the predictions, of the references, then matches and grams of each order. */
export const bleu: TextMetric = {
  name: "bleu",
  statistics(prediction, references) {
    const tokens = tokens13a(prediction);
    const others = references.map(tokens13a);
    const out = new Float64Array(2 + 2 * orders);
    out[0] = tokens.length;
    out[1] = nearestLength(
      tokens.length,
      others.map(o => o.length),
    );
    for (let n = 1; n <= orders; n++) {
      out[1 + n] = sharedGrams(gramsOf(tokens, n), greatestOf(others.map(o => gramsOf(o, n))));
      out[1 + orders + n] = Math.max(0, tokens.length - n + 1);
    }
    return out;
  },
  score(sums) {
    const [length, reference] = [sums[0]!, sums[1]!];
    if (sums[2] === 0) return 0;
    let [logs, smoothing] = [0, 1];
    for (let n = 1; n <= orders; n++) {
      const [matches, grams] = [sums[1 + n]!, sums[1 + orders + n]!];
      if (grams === 0) return 0;
      if (matches === 0) smoothing *= 2;
      logs += Math.log(matches === 0 ? 1 / (smoothing * grams) : matches / grams);
    }
    const brevity = length >= reference ? 1 : Math.exp(1 - reference / length);
    return brevity * Math.exp(logs / orders);
  },
};
