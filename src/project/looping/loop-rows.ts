/** Which documents a loop can learn from, by what its kind of tuning reads: those that say what is right. */
import { z } from "zod";
import type { Document } from "../../data/index.ts";
import { classReader, labelOptions } from "../../tune/index.ts";

export const loopRowOptions = z.discriminatedUnion("says", [
  z.strictObject({ says: z.literal("class"), labels: labelOptions }),
  z.strictObject({ says: z.literal("number"), label: z.string() }),
  z.strictObject({ says: z.literal("text") }),
]);
export type RowOptions = z.output<typeof loopRowOptions>;

/** The class of a document, by which replay is stratified: one for all where there are no classes. Undefined where it does not say what is right. */
export function rowReader(o: RowOptions): (document: Document) => string | undefined {
  if (o.says === "class") return classReader(o.labels);
  if (o.says === "text") return () => "";
  return ({ attributes }) => {
    const value = attributes[o.label];
    const isNumber = typeof value === "number" || (typeof value === "string" && value.trim() !== "");
    return isNumber && Number.isFinite(Number(value)) ? "" : undefined;
  };
}
