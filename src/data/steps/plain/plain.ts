/**
 * The plain step: writes the text without case, marks or accents into an attribute, and leaves the text as it is. The two are the question and
 * the answer of a rewriting task: restoring capitals and punctuation, or accents.
 */

import type { z } from "zod";
import { documentStep } from "../step.ts";
import { plainOptions } from "./options.ts";

type PlainOptions = z.output<typeof plainOptions>;

/** Idempotent; white space becomes single blanks. Linear in the text. */
export function plainTextOf(text: string, o: Omit<PlainOptions, "to">): string {
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
  options: plainOptions,
  apply: ({ text }, o) => ({ attributes: { [o.to]: plainTextOf(text, o) } }),
});
