import { casedTokenF1, characterErrorRate, editSimilarity, exactMatch, normalisedMatch, tokenF1 } from "./answers.ts";
import { bleu } from "./bleu.ts";
import { chrf, chrfPlusPlus } from "./chrf.ts";
import type { TextMetric } from "./metric.ts";
import { rouge1, rouge2, rougeL, rougeLsum } from "./rouge.ts";

export { meanMetric, type TextItem, type TextMetric, textScore, textStatistics } from "./metric.ts";

/** Every measure of generated text by its name. */
export const textMetrics: Readonly<Record<string, TextMetric>> = Object.fromEntries(
  [
    exactMatch,
    normalisedMatch,
    tokenF1,
    casedTokenF1,
    editSimilarity,
    characterErrorRate,
    bleu,
    chrf,
    chrfPlusPlus,
    rouge1,
    rouge2,
    rougeL,
    rougeLsum,
  ].map(m => [m.name, m]),
);
