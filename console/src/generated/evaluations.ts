/** Written by `npm run docs` from /api/openapi.json: change the server's schemas instead. A test holds it against them. */
import * as is from "../shape.ts";

/** A measured number; null where it is not finite. */
export const measured = is.mapped(is.nullish(is.number), value => value ?? null);
export type Measured = is.Infer<typeof measured>;

export const diffItem = is.object({
  id: is.string,
  place: is.string,
  prompt: is.string,
  /** The expected output. */
  right: is.string,
  first: is.string,
  second: is.string,
  scores: is.tuple(measured, measured),
  /** Positive where the first is better. */
  gain: measured,
  change: is.oneOf("fixed", "broken", "better", "worse", "same"),
});
export type DiffItem = is.Infer<typeof diffItem>;

export const difference = is.object({
  metric: is.string,
  better: is.oneOf("higher", "lower"),
  items: is.number,
  first: measured,
  second: measured,
  /** First minus second. */
  value: measured,
  low: measured,
  high: measured,
  p: measured,
  test: is.string,
  wins: is.number,
  losses: is.number,
});
export type Difference = is.Infer<typeof difference>;

export const listedEvaluation = is.object({
  artifact: is.string,
  kind: is.oneOf("bits per byte", "test set", "cross-validation", "task", "variant", "group", "judgement"),
  task: is.string,
  /** NAME@VERSION, else the name under which it was evaluated. */
  model: is.string,
  version: is.nullable(is.string),
  modelArtifact: is.nullable(is.string),
  /** Milliseconds since 1970. */
  at: is.number,
  items: is.nullable(is.number),
  variant: is.nullable(is.string),
  /** The main one first. */
  scores: is.array(
    is.object({
      metric: is.string,
      better: is.oneOf("higher", "lower"),
      value: measured,
    }),
  ),
  /** It keeps the output of each item: two of one task can be compared. */
  hasItems: is.boolean,
});
export type ListedEvaluation = is.Infer<typeof listedEvaluation>;

/** First minus second, on the items that both were evaluated on. */
export const evaluationDiff = is.object({
  task: is.string,
  output: is.string,
  first: listedEvaluation,
  second: listedEvaluation,
  /** By which items are compared. */
  metric: is.string,
  differences: is.array(difference),
  onlyFirst: is.number,
  onlySecond: is.number,
  counts: is.object({
    fixed: is.number,
    broken: is.number,
    better: is.number,
    worse: is.number,
    same: is.number,
  }),
  groups: is.array(
    is.object({
      by: is.string,
      groups: is.array(is.string),
    }),
  ),
  /** Items that fit the query. */
  total: is.number,
  /** From `offset` on. */
  items: is.array(diffItem),
});
export type EvaluationDiff = is.Infer<typeof evaluationDiff>;

/** What the addresses answer that the console calls. */
export const answers = {
  "GET /api/evaluations/list": is.array(listedEvaluation),
  "GET /api/evaluations/diff": evaluationDiff,
};
