/** A column of a table: the name of a field, or a template over the record's fields, such as `Put this right:\n{{plain}}`. */
import { type TextTemplate, textTemplate } from "../../text/index.ts";
import { tuneErrors } from "../errors.ts";
import type { Fields } from "./formats.ts";

/** Compiled templates; a file has a few, and as many records as it likes. */
const known = new Map<string, TextTemplate>();
const mostKnown = 100;

export const isTemplate = (column: string): boolean => column.includes("{{") || column.includes("{%");

/** The text of a template. Errors: tune/example with the record's place where it names a field that the record lacks, or cannot be read. */
export function templateText(fields: Fields, source: string, place: string): string {
  try {
    let template = known.get(source);
    if (!template) {
      if (known.size >= mostKnown) known.clear();
      template = textTemplate(source);
      known.set(source, template);
    }
    return template.render(fields);
  } catch (error) {
    const problem = (error as { problem?: { expected?: string; received?: string; message?: string; hint?: string } }).problem;
    if (!problem) throw error;
    const { expected, received, message, hint } = problem;
    throw tuneErrors.fail("example", { place, expected, received, message, hint }, error);
  }
}
