/** Which documents a loop can learn from, by the kind of its tuning: those that say what is right. */
import { z } from "zod";
import type { Document } from "../../data/index.ts";
import { classReader, labelOptions } from "../../tune/index.ts";

export const rowOptions = z.discriminatedUnion("task", [
  z.strictObject({ task: z.literal("classify"), labels: labelOptions }),
  z.strictObject({ task: z.literal("regress"), label: z.string() }),
  z.strictObject({ task: z.literal("instruct") }),
]);
export type RowOptions = z.output<typeof rowOptions>;

/** The class of a document, by which replay is stratified: one for all where there are no classes. Undefined where it does not say what is right. */
export function rowReader(o: RowOptions): (document: Document) => string | undefined {
  if (o.task === "classify") return classReader(o.labels);
  if (o.task === "instruct") return () => "";
  return ({ attributes }) => {
    const value = attributes[o.label];
    const isNumber = typeof value === "number" || (typeof value === "string" && value.trim() !== "");
    return isNumber && Number.isFinite(Number(value)) ? "" : undefined;
  };
}
