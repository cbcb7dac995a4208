/**
 * Paragraphs: what blank lines separate, or single lines where a text has no blank line; what stands between code fences is not cut. Joining
 * them again gives the text.
 */
import { fence } from "./running-text.ts";

export interface LanguageParagraph {
  /** With the line feeds behind it. */
  readonly start: number;
  readonly end: number;
}

const blankLine = /\n[ \t\r]*\n/;

export function languageParagraphs(text: string): LanguageParagraph[] {
  const isBlocked = blankLine.test(text.trim());
  const out: LanguageParagraph[] = [];
  let start = 0;
  let hasText = false;
  let wasBlank = false;
  let isFenced = false;
  for (let at = 0; at < text.length; ) {
    const feed = text.indexOf("\n", at);
    const end = feed < 0 ? text.length : feed + 1;
    const line = text.slice(at, end);
    const isBlank = line.trim() === "";
    if (!isBlank && hasText && !isFenced && (wasBlank || !isBlocked)) {
      out.push({ start, end: at });
      start = at;
    }
    if (!isBlank) hasText = true;
    if (fence.test(line)) isFenced = !isFenced;
    wasBlank = isBlank;
    at = end;
  }
  if (start < text.length) out.push({ start, end: text.length });
  return out;
}
