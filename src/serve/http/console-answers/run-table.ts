/** Answers about runs as a table: columns, rows, groups, what people say of a run. */
import { z } from "zod";
import { person } from "./given.ts";
import { timeMs } from "./measured.ts";

const value = z.union([z.string(), z.number()]);

const tag = z.strictObject({ tag: z.string(), by: z.string(), at: timeMs });
export const runAnnotation = z
  .strictObject({ note: z.strictObject({ text: z.string(), by: z.string(), at: timeMs }).nullable(), tags: z.array(tag) })
  .meta({ id: "RunAnnotation", description: "What people say of a run: who wrote it, and when." });

const column = z
  .strictObject({
    key: z.string(),
    type: z.enum(["text", "number", "time", "duration"]).describe("time: milliseconds since 1970; duration: milliseconds"),
    of: z.enum(["run", "option", "result"]),
    unit: z.string().nullable().describe("null: none, or several, which each row says"),
    count: z.int().describe("runs that have a value"),
    distinct: z.int(),
  })
  .meta({ id: "RunColumn" });

const row = z
  .strictObject({
    id: z.string(),
    artifact: z.string().nullable().describe("what it made, or will make where it trains"),
    stage: z.string(),
    values: z.record(z.string(), value).describe("by the key of a column"),
    units: z.record(z.string(), z.string()).describe("of its own numbers"),
    ...runAnnotation.shape,
  })
  .meta({ id: "RunRow" });

const groupMetric = z
  .strictObject({ key: z.string(), unit: z.string().nullable(), count: z.int(), mean: z.number(), min: z.number(), max: z.number() })
  .meta({ id: "RunGroupMetric" });
const group = z
  .strictObject({ value: value.nullable().describe("null: runs without a value"), count: z.int(), metrics: z.array(groupMetric) })
  .meta({ id: "RunGroup" });

export const runTable = z
  .strictObject({
    total: z.int(),
    matched: z.int().describe("runs that the filter and the search let through"),
    offset: z.int(),
    columns: z.array(column),
    rows: z.array(row),
    groups: z.array(group).nullable(),
  })
  .meta({ id: "RunTable" });

/** More rows than this are asked for in pages. */
const mostRows = 10_000;
export const runTableQuery = z.object({
  filter: z.string().max(2_000).optional().describe("loss < 2 and model = mail-small"),
  search: z.string().max(500).optional(),
  sort: z.string().max(300).optional().describe("a column's key, with - before it from the greatest down"),
  group: z.string().max(300).optional().describe("a column's key"),
  ids: z.string().max(4_000).optional().describe("runs or artifacts, with commas between them"),
  training: z.enum(["yes"]).optional().describe("only runs that train a model"),
  offset: z.coerce.number().int().min(0).default(0),
  limit: z.coerce.number().int().min(0).max(mostRows).default(100),
});

export const givenAnnotation = z.object({
  note: z.string().max(10_000).nullable().optional().describe("null or an empty text removes it"),
  addTags: z.array(z.string().max(64)).max(50).optional(),
  removeTags: z.array(z.string().max(64)).max(50).optional(),
  by: person,
});
