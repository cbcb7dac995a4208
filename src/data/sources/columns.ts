/** The columns of a table, held against those that a source names. */
import { nearest } from "../../base/index.ts";
import { BadFile } from "./bad-file.ts";
import { fieldNames, fieldOf, namedFields } from "./fields.ts";
import type { SourceOptions } from "./options.ts";

/** What else may part columns, where the first row is not parted. */
const otherDelimiters = [";", "\t", "|", ","] as const;

/** The table has the columns that the source names; of a list of fields one is enough. Errors: BadFile with what to say instead. */
export function checkColumns(
  names: readonly string[],
  options: SourceOptions,
  { place, format }: { readonly place: string; readonly format: "csv" | "xlsx" },
): void {
  const field = fieldOf(options);
  const isAbsent = (name: string) => !names.includes(name);
  const texts = fieldNames(field);
  const either = typeof field !== "string" && texts.every(isAbsent) ? texts.join('" or "') : undefined;
  const absent =
    either ?? [...(typeof field === "string" ? texts : []), ...namedFields(options.attributes).map(([, from]) => from)].find(isAbsent);
  if (absent === undefined) return;
  const delimiter = format === "csv" && names.length === 1 ? otherDelimiters.find(d => names[0]!.includes(d)) : undefined;
  const near = nearest(absent, names);
  const hint =
    delimiter !== undefined
      ? `. The first row looks parted by ${JSON.stringify(delimiter)}: say delimiter: ${JSON.stringify(delimiter)}`
      : near !== undefined
        ? `. Did you mean "${near}"?`
        : texts.includes(absent) && options.field === undefined
          ? ". Name the column that holds the text with field:"
          : "";
  throw new BadFile(format, `expected a column "${absent}", got ${names.slice(0, 20).join(", ")}${hint}`, place);
}
