/**
 * The plain step: writes the text without case, marks or accents into an attribute, and leaves the text as it is. The two are the question and
 * the answer of a rewriting task: restoring capitals and punctuation, or accents.
 */
import { z } from "zod";
import { documentStep } from "../step.ts";

const options = z
  .strictObject({
    /** The attribute. */
    to: z
      .string()
      .regex(/^[A-Za-z][\w-]{0,63}$/, "a name of letters, digits, _ and -")
      .refine(name => name !== "text" && name !== "id", { error: "another name than the document's own text and id" })
      .default("plain"),
    case: z.enum(["lower", "keep"]).default("lower"),
    /** Punctuation (Unicode's P); a single mark within a word or number stays: don't, 3.5, well-known. */
    marks: z.enum(["drop", "keep"]).default("drop"),
    accents: z.enum(["drop", "keep"]).default("keep"),
  })
  .refine(o => o.case === "lower" || o.marks === "drop" || o.accents === "drop", { message: "something to take away", path: ["case"] });

export type PlainOptions = z.output<typeof options>;

/** Idempotent; white space becomes single blanks. Linear in the text. */
export function plainText(text: string, o: Omit<PlainOptions, "to">): string {
  let out = o.accents === "drop" ? text.normalize("NFD").replace(/\p{Mn}+/gu, "") : text;
  if (o.case === "lower") out = out.toLowerCase();
  if (o.marks === "drop")
    out = out.replace(/\p{P}+/gu, (marks, at: number) => {
      const isWithin = [...marks].length === 1 && isWord(before(out, at)) && isWord(after(out, at + marks.length));
      return isWithin ? marks : " ";
    });
  return out.replace(/\s+/gu, " ").trim().normalize("NFC");
}

const isWord = (character: string): boolean => /[\p{L}\p{M}\p{N}]/u.test(character);
/** The whole characters at the edges of a run: surrogate pairs stay together. */
const before = (text: string, at: number): string => [...text.slice(Math.max(0, at - 2), at)].at(-1) ?? "";
const after = (text: string, at: number): string => [...text.slice(at, at + 2)][0] ?? "";

export const plain = documentStep({
  name: "plain",
  version: 1,
  options,
  apply: ({ text }, o) => ({ attributes: { [o.to]: plainText(text, o) } }),
});
