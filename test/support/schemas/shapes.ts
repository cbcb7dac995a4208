/** A schema together with values that are valid under it: what the corpora of several libraries are made of. */
import type { Random } from "../../../src/base/index.ts";
import { pick } from "./texts.ts";

export interface Shape {
  readonly schema: Readonly<Record<string, unknown>>;
  value(rng: Random): unknown;
}

export const shape = (schema: Shape["schema"], value: Shape["value"]): Shape => ({ schema, value });
export const among = (schema: Shape["schema"], ...values: readonly unknown[]): Shape => shape(schema, rng => pick(values, rng));
/** The same with more keywords. */
export const withKeywords = (of: Shape, more: Shape["schema"]): Shape => shape({ ...of.schema, ...more }, of.value);
export const integerBetween = (low: number, high: number, rng: Random): number => low + Math.floor(rng.uniform() * (high - low + 1));
export const listOf = <T>(min: number, max: number, rng: Random, item: (i: number) => T): T[] =>
  Array.from({ length: integerBetween(min, max, rng) }, (_, i) => item(i));

/** Values that differ. */
export function distinct(values: readonly unknown[]): unknown[] {
  const seen = new Map(values.map(v => [JSON.stringify(v), v]));
  return [...seen.values()];
}

export interface Field {
  readonly name: string;
  readonly shape: Shape;
  readonly isRequired: boolean;
}

/** An object of fields in their order; what may be left out sometimes is. */
export const objectValue = (fields: readonly Field[], rng: Random): Record<string, unknown> =>
  Object.fromEntries(fields.flatMap(f => (f.isRequired || rng.uniform() < 0.7 ? [[f.name, f.shape.value(rng)] as const] : [])));

export const fieldNames: readonly string[] = ["id", "name", "kind", "tags", "created_at", "owner", "limit", "path", "options", "children"];
