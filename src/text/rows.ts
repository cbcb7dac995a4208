/**
 * Tables of components: a tokenizer file names a component by its `type`, the table has a row for it with a strict schema for its other
 * keys. A type without a row, or a key that the row does not know, is an error by name. Adding a component is adding a row.
 */
import { z } from "zod";
import { check, nearest, showValue } from "../base/index.ts";
import { textErrors } from "./errors.ts";

/** Builds a component from its entry in a file; `place` names the entry in errors. */
type ReadRow<T> = (entry: unknown, place: string) => T;
export type Table<T> = Readonly<Record<string, ReadRow<T>>>;

/** A row with the schema of its keys other than `type`. */
export const readRow =
  <Shape extends z.ZodRawShape, T>(shape: Shape, build: (options: z.output<z.ZodObject<Shape>>, place: string) => T): ReadRow<T> =>
  (entry, place) =>
    build(check(z.strictObject({ type: z.string().optional(), ...shape }), entry, place) as z.output<z.ZodObject<Shape>>, place);

/** Builds the component that an entry names. `what` is the kind for the error: "normalizer", "decoder". */
export function fromTable<T>(table: Table<T>, what: string, entry: unknown, place: string): T {
  const type = entry !== null && typeof entry === "object" && "type" in entry ? entry.type : undefined;
  if (typeof type === "string" && Object.hasOwn(table, type)) return table[type]!(entry, place);
  const near = typeof type === "string" ? nearest(type, Object.keys(table)) : undefined;
  throw textErrors.fail("unknownComponent", {
    place: `${place}.type`,
    expected: `a ${what} of ${Object.keys(table).join(", ")}`,
    received: type === undefined ? "nothing" : showValue(type),
    hint: near ? `Did you mean "${near}"?` : "Use a tokenizer without it, or add a row for it.",
  });
}

/** A pattern as tokenizer files write it. */
export const patternSchema = z.union([z.strictObject({ String: z.string() }), z.strictObject({ Regex: z.string() })]);
export type PatternEntry = z.output<typeof patternSchema>;
