/**
 * A text as paragraphs of lines: what the `repeats` step counts and cuts. Paragraphs are runs of lines that are not blank; the blank lines
 * behind one go with it. Put together again they are the text.
 */
import { mixHash } from "../near-duplicates/words.ts";

export interface RepeatParagraph {
  readonly lines: readonly string[];
  /** Blank lines behind it, or before the first one of the text when there are no lines. */
  readonly blank: readonly string[];
}

export function repeatParagraphs(text: string): RepeatParagraph[] {
  const paragraphs: { lines: string[]; blank: string[] }[] = [];
  for (const line of text.split("\n")) {
    const isBlank = line.trim() === "";
    const last = paragraphs.at(-1);
    if (isBlank && last) last.blank.push(line);
    else if (isBlank) paragraphs.push({ lines: [], blank: [line] });
    else if (last && last.blank.length === 0) last.lines.push(line);
    else paragraphs.push({ lines: [line], blank: [] });
  }
  return paragraphs;
}

export const textOfParagraphs = (paragraphs: readonly RepeatParagraph[]): string =>
  paragraphs.flatMap(p => [...p.lines, ...p.blank]).join("\n");

/** What makes two lines, or paragraphs, the same: the text without white space at the ends, runs of it as one space. */
export const sameness = (text: string): string => text.trim().replace(/[^\S ]\s*| \s+/g, " ");

/** 64 bits of a text within a scope, as two words; an accident among a thousand million lines has a chance of 3 %. */
export function unitHash(scope: string, text: string): [number, number] {
  let [a, b] = [0x811c9dc5, 0x9747b28c];
  for (const part of [scope, "\0", text])
    for (let i = 0; i < part.length; i++) {
      const c = part.charCodeAt(i);
      a = Math.imul(a ^ c, 0x01000193);
      b = Math.imul(b ^ c, 0x5bd1e995);
      b ^= b >>> 15;
    }
  return [mixHash(a), mixHash(b ^ text.length)];
}
