/**
 * Cleaning rules in the order they run. Each is a pure function of the text that says how often it acted. They mend transport and keep
 * what a person wrote: nothing is lower-cased, wrapped or reworded.
 */

import { restoreWindows1252 } from "../../windows-1252.ts";

export interface Cleaned {
  readonly text: string;
  /** How many places the rule changed. */
  readonly count: number;
}
export type CleanRule = (text: string) => Cleaned;

/** A rule that replaces every match; matches equal to their replacement do not count. */
export const replacing =
  (pattern: RegExp, replacement: string | ((...groups: string[]) => string)): CleanRule =>
  text => {
    let count = 0;
    const result = text.replace(pattern, (...args) => {
      const [match] = args as string[];
      const to = typeof replacement === "string" ? replacement : replacement(...(args as string[]));
      if (to !== match) count++;
      return to;
    });
    return count === 0 ? { text, count } : { text: result, count };
  };

/** Half of a surrogate pair: no character, and not writable as UTF-8. */
export const surrogates = replacing(/\p{Surrogate}/gu, "\ufffd");
export const lineEnds = replacing(/\r\n?|[\u2028\u2029\u0085\f\v]/g, "\n");
/** C1 controls that are characters of windows-1252 gone through a Latin-1 decoder. */
export const lostWindows1252: CleanRule = text => {
  const restored = restoreWindows1252(text);
  return { text: restored, count: restored === text ? 0 : 1 };
};
/** C0 and C1 controls besides tab and line feed, with the ANSI colour sequences that escape introduces. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what this rule is about
export const controls = replacing(/\u001b\[[0-9;]{0,20}[A-Za-z]|[\u0000-\u0008\u000e-\u001f\u007f-\u009f]/g, "");
/** Zero-width space and joiner of words, byte order mark, soft hyphen, direction marks. Joiners (200C, 200D) stay: scripts and emoji need them. */
export const invisible = replacing(/[\u200b\u2060\ufeff\u00ad\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, "");
export const unicode: CleanRule = text => {
  const normal = text.normalize("NFC");
  return { text: normal, count: normal === text ? 0 : 1 };
};
export const plainSpaces = replacing(/[\u00a0\u2000-\u200a\u202f\u205f]/g, " ");

const isBase64Line = (line: string) => line.length >= 60 && /^[A-Za-z0-9+/]+={0,2}$/.test(line) && /\d/.test(line) && /[a-z]/.test(line);

/** Runs of at least three full lines of base64 with the short line that ends them. Ordinary words have no lines of 60 letters. */
export const base64: CleanRule = text => {
  if (!/^[A-Za-z0-9+/]{60,}={0,2}$/m.test(text)) return { text, count: 0 };
  const lines = text.split("\n");
  const kept: string[] = [];
  let count = 0;
  for (let i = 0; i < lines.length; ) {
    let end = i;
    while (end < lines.length && isBase64Line(lines[end]!)) end++;
    if (end - i >= 3) {
      if (end < lines.length && /^[A-Za-z0-9+/]{1,76}={0,2}$/.test(lines[end]!) && lines[end]!.length % 4 === 0) end++;
      count++;
      i = end;
    } else kept.push(lines[i++]!);
  }
  return { text: kept.join("\n"), count };
};

/** Lines from one that opens a block to the one that closes it, which must come before another opens. */
const block =
  (open: RegExp, close: RegExp, keepInside = false): CleanRule =>
  text => {
    const lines = text.split("\n");
    const kept: string[] = [];
    let count = 0;
    let from = -1;
    for (const line of lines) {
      if (open.test(line)) from = kept.length;
      kept.push(line);
      if (from >= 0 && close.test(line)) {
        if (keepInside) kept.pop();
        kept.length = keepInside ? kept.length : from;
        count++;
        from = -1;
      }
    }
    return count === 0 ? { text, count } : { text: kept.join("\n"), count };
  };

export const uuencode = block(/^begin [0-7]{3} \S/, /^end\s*$/);
export const pgpBlocks = block(
  /^-----BEGIN PGP (?:SIGNATURE|PUBLIC KEY BLOCK|MESSAGE|PRIVATE KEY BLOCK)-----\s*$/,
  /^-----END PGP (?:SIGNATURE|PUBLIC KEY BLOCK|MESSAGE|PRIVATE KEY BLOCK)-----\s*$/,
);
/** The opening of a signed text: its lines "Hash: ..." up to the empty line. */
export const pgpSigned = replacing(/^-----BEGIN PGP SIGNED MESSAGE-----[ \t]*\n(?:[A-Z][A-Za-z]{1,20}:[^\n]*\n)*\n?/gm, "");

/** Spaces and tabs before a line's end; by hand, because the obvious pattern takes quadratic time on a long run of spaces. */
export const trailingSpace: CleanRule = text => {
  let count = 0;
  const lines = text.split("\n");
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i]!;
    let end = line.length;
    while (end > 0 && (line[end - 1] === " " || line[end - 1] === "\t")) end--;
    if (end < line.length) {
      lines[i] = line.slice(0, end);
      count++;
    }
  }
  return count === 0 ? { text, count } : { text: lines.join("\n"), count };
};
/** More than two empty lines in a row. */
export const emptyLines = replacing(/\n{4,}/g, "\n\n\n");
export const edges: CleanRule = text => {
  let [start, end] = [0, text.length];
  while (text[start] === "\n") start++;
  while (end > start && text[end - 1] === "\n") end--;
  return { text: text.slice(start, end), count: end - start < text.length ? 1 : 0 };
};

const isQuoted = (line: string) => /^\s{0,3}[>|]/.test(line);

/** Share of characters on quoted lines, 0 to 1. */
export function quotedShare(text: string): number {
  if (text.length === 0) return 0;
  let quoted = 0;
  for (const line of text.split("\n")) if (isQuoted(line)) quoted += line.length + 1;
  return Math.min(1, quoted / text.length);
}

/** Quoted lines of an earlier mail, with the line that introduces them. */
export const quotes: CleanRule = text => {
  const lines = text.split("\n");
  const kept: string[] = [];
  let count = 0;
  for (const line of lines) {
    if (!isQuoted(line)) {
      kept.push(line);
      continue;
    }
    count++;
    while (kept.length > 0 && /(?:wrote|writes|said|schrieb|a écrit)\s*:\s*$/i.test(kept.at(-1)!)) kept.pop();
  }
  return count === 0 ? { text, count } : { text: kept.join("\n"), count };
};

/** Longer ends are text with a ruler in it, not signatures (netiquette says four lines; people take more). */
const maxSignatureLines = 14;

/** From the last line "-- " (RFC 3676, section 4.3) to the end, where what follows is short enough to be a signature. */
export const signature: CleanRule = text => {
  const lines = text.split("\n");
  const at = Math.max(lines.lastIndexOf("-- "), lines.lastIndexOf("--"));
  if (at < 0 || lines.length - at > maxSignatureLines) return { text, count: 0 };
  return { text: lines.slice(0, at).join("\n"), count: 1 };
};

/** What mailing lists append: a ruler and a few lines with the list's address, at the end. */
export const footer: CleanRule = text => {
  const lines = text.trimEnd().split("\n");
  for (let i = lines.length - 1; i >= Math.max(0, lines.length - 9); i--) {
    if (!/^(?:_{20,}|-{20,}|={20,})$/.test(lines[i]!.trim())) continue;
    const rest = lines.slice(i + 1).join("\n");
    if (!/mailing list|unsubscribe|listinfo|sponsored by|subscription/i.test(rest)) break;
    return { text: lines.slice(0, i).join("\n"), count: 1 };
  }
  return { text, count: 0 };
};
