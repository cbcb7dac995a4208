/**
 * The perplexity step: how well a language model foresees a text, in bits per byte, so that texts and tokenizers can be compared. Very high is
 * often garbage, very low often boilerplate; in between it says how near a text is to what the model learnt. Buckets in the manner of CCNet
 * (Wenzek et al. 2020): head, middle and tail by two bounds, as an attribute that mixing can use.
 */
import type { Scorer } from "../../resources.ts";
import { judgeByRules, type Rules } from "../rules.ts";
import { taggerStep } from "../step.ts";
import { perplexityOptions } from "./options.ts";

const rules = {
  "min-bits-per-byte": { option: "minBitsPerByte", keep: "atLeast" },
  "max-bits-per-byte": { option: "maxBitsPerByte", keep: "atMost" },
} as const satisfies Rules;

const bucketOf = (value: number, [head, middle]: readonly [number, number]): string =>
  value <= head ? "head" : value <= middle ? "middle" : "tail";

export const perplexity = taggerStep<typeof perplexityOptions, Scorer>({
  name: "perplexity",
  version: 1,
  options: perplexityOptions,
  rules,
  batch: 64,
  needs: o => [{ kind: "scorer", model: o.model }],
  prepare: (o, resources) => resources.scorer(o.model),
  async tag(documents, o, scorer) {
    const scores = await scorer.score(documents.map(d => d.text));
    return scores.map(({ bits: found, bytes }) => {
      // Of an empty text only the end was predicted: as if it had one byte.
      const value = Math.round((found / Math.max(1, bytes)) * 1e4) / 1e4;
      return {
        attributes: { bitsPerByte: value, ...(o.buckets ? { perplexity: bucketOf(value, o.buckets) } : {}) },
        verdicts: judgeByRules(rules, { "min-bits-per-byte": value, "max-bits-per-byte": value }, o),
      };
    });
  },
});
