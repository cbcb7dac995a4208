/** What a person gives, held against the set's kind, its classes and the text. */
import { serveErrors } from "../../serve/index.ts";
import type { LabelPart } from "./label-part.ts";
import type { GivenValue } from "./votes.ts";

/** Whether a place of a text is between the halves of one character. */
const splitsPair = (text: string, at: number): boolean => /^[\ud800-\udbff][\udc00-\udfff]$/.test(text.slice(at - 1, at + 1));

/** Errors: serve/parameter. */
export function checkGiven({ kind, classes }: Pick<LabelPart, "kind" | "classes">, value: GivenValue, text: string): void {
  const refuse = (expected: string, received: unknown) =>
    serveErrors.fail("parameter", { place: "label", expected, received: JSON.stringify(received)?.slice(0, 100) ?? "nothing" });
  const known = `one of ${classes.join(", ")}`;
  if (value === null) return;
  if (kind === "one") {
    if (typeof value !== "string" || !classes.includes(value)) throw refuse(known, value);
    return;
  }
  if (typeof value === "string") throw refuse(kind === "several" ? "a list of classes" : "a list of ranges", value);
  for (const item of value) {
    if (kind === "several") {
      if (typeof item !== "string" || !classes.includes(item)) throw refuse(known, item);
      continue;
    }
    if (typeof item === "string") throw refuse("ranges with start, end and label", item);
    if (!classes.includes(item.label)) throw refuse(known, item.label);
    if (item.end <= item.start || item.end > text.length)
      throw refuse(`a range within the ${text.length} UTF-16 code units of the text, end after start`, item);
    if (splitsPair(text, item.start) || splitsPair(text, item.end)) throw refuse("a range that cuts no character in two", item);
  }
}
