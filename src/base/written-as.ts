/**
 * What a schema takes as it is written, where zod cannot tell: a short form that is parsed before the schema (`z.preprocess`), or keys that another schema
 * checks (a transform). For what is made from schemas: the JSON Schema, and the tables of the docs.
 */
import type { z } from "zod";

const written = new WeakMap<object, () => z.ZodType>();

/** The schema itself, noted as taking what `other` takes. */
export function writtenAs<S extends z.ZodType>(schema: S, other: () => z.ZodType): S {
  written.set(schema, other);
  return schema;
}

/** What was noted of a schema; undefined where zod's own account is right. */
export const writtenFormOf = (schema: object): z.ZodType | undefined => written.get(schema)?.();
