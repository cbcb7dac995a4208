/** Written by `npm run docs` from /api/openapi.json: change the server's schemas instead. A test holds it against them. */
import * as is from "../shape.ts";

/** What people say of a run: who wrote it, and when. */
export const runAnnotation = is.object({
  note: is.nullable(
    is.object({
      text: is.string,
      by: is.string,
      /** Milliseconds since 1970. */
      at: is.number,
    }),
  ),
  tags: is.array(
    is.object({
      tag: is.string,
      by: is.string,
      /** Milliseconds since 1970. */
      at: is.number,
    }),
  ),
});
export type RunAnnotation = is.Infer<typeof runAnnotation>;

export const runColumn = is.object({
  key: is.string,
  /** Time: milliseconds since 1970; duration: milliseconds. */
  type: is.oneOf("text", "number", "time", "duration"),
  of: is.oneOf("run", "option", "result"),
  /** Null: none, or several, which each row says. */
  unit: is.nullable(is.string),
  /** Runs that have a value. */
  count: is.number,
  distinct: is.number,
});
export type RunColumn = is.Infer<typeof runColumn>;

export const runGroupMetric = is.object({
  key: is.string,
  unit: is.nullable(is.string),
  count: is.number,
  mean: is.number,
  min: is.number,
  max: is.number,
});
export type RunGroupMetric = is.Infer<typeof runGroupMetric>;

export const runGroup = is.object({
  /** Null: runs without a value. */
  value: is.nullable(is.union(is.string, is.number)),
  count: is.number,
  metrics: is.array(runGroupMetric),
});
export type RunGroup = is.Infer<typeof runGroup>;

export const runRow = is.object({
  id: is.string,
  /** What it made, or will make where it trains. */
  artifact: is.nullable(is.string),
  stage: is.string,
  /** By the key of a column. */
  values: is.record(is.union(is.string, is.number)),
  /** Of its own numbers. */
  units: is.record(is.string),
  note: is.nullable(
    is.object({
      text: is.string,
      by: is.string,
      /** Milliseconds since 1970. */
      at: is.number,
    }),
  ),
  tags: is.array(
    is.object({
      tag: is.string,
      by: is.string,
      /** Milliseconds since 1970. */
      at: is.number,
    }),
  ),
});
export type RunRow = is.Infer<typeof runRow>;

export const runTable = is.object({
  total: is.number,
  /** Runs that the filter and the search let through. */
  matched: is.number,
  offset: is.number,
  columns: is.array(runColumn),
  rows: is.array(runRow),
  groups: is.nullable(is.array(runGroup)),
});
export type RunTable = is.Infer<typeof runTable>;

/** What the addresses answer that the console calls. */
export const answers = {
  "GET /api/run-table": runTable,
  "POST /api/run-table/{run}": runAnnotation,
};
