/**
 * The quality step: the probability that a text is like the good examples a model was trained on and unlike the bad ones. `loam data quality
 * train` makes the model. The score is measured for every document; `minScore` decides.
 */
import { decodeQuality, QualityScorer } from "../../quality/model.ts";
import { judgeByRules, type Rules } from "../rules.ts";
import { documentStep } from "../step.ts";
import { qualityOptions } from "./options.ts";

const rules = { "min-score": { option: "minScore", keep: "atLeast" } } as const satisfies Rules;

/** Scores are told with so many parts of 1: more digits than that say nothing. */
const parts = 10_000;

export const quality = documentStep<typeof qualityOptions, QualityScorer>({
  name: "quality",
  version: 1,
  options: qualityOptions,
  rules,
  needs: o => [{ kind: "file", path: o.model }],
  async prepare(o, resources) {
    return new QualityScorer(decodeQuality(await resources.file(o.model), o.model));
  },
  apply({ text }, o, scorer) {
    const score = Math.round(scorer.score(text) * parts) / parts;
    return { attributes: { quality: score }, verdicts: judgeByRules(rules, { "min-score": score }, o) };
  },
});
