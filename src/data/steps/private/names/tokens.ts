/**
 * A text as words and signs, and the way from findings to labels of words and back: the first word of a name is `B-name`, the next ones
 * `I-name`, everything else `O` (BIO; Ramshaw & Marcus 1995). Masks that the private step writes are words of their own, and never a name.
 */
import { type PrivateSpan, privateMask, privateTypeNames } from "../types.ts";

export const nameTypes = ["name", "place"] as const;
type NameType = (typeof nameTypes)[number];

/** A name or a place, in UTF-16 code units of the text. */
export type NameSpan = Pick<PrivateSpan, "start" | "end"> & { readonly type: NameType };

export interface NameToken {
  readonly start: number;
  readonly end: number;
  readonly text: string;
  /** `[NAME]`, `[EMAIL]`: what stands for a finding. */
  readonly isMask: boolean;
  /** The line is another than that of the token before. */
  readonly beginsLine: boolean;
  /** Nothing stands between it and the token before, as in addresses, paths and code. */
  readonly isGlued: boolean;
}

/** Labels by number: 0 is `O`; 1 and 2 begin and go on with a name, 3 and 4 with a place. */
export const numLabels = 1 + 2 * nameTypes.length;
export const isInside = (label: number): boolean => label > 0 && label % 2 === 0;
const typeOf = (label: number): NameType => nameTypes[(label - 1) >> 1]!;
const beginOf = (type: NameType): number => 1 + 2 * nameTypes.indexOf(type);

/** Whether `label` may follow `before`: inside follows only its own kind, and never stands first. */
export const mayFollow = (before: number, label: number): boolean => !isInside(label) || before === label || before === label - 1;

// Scripts that write no spaces give a token a character, so that names in them have ends.
const alone = "\\p{Script=Han}\\p{Script=Hiragana}\\p{Script=Katakana}\\p{Script=Thai}\\p{Script=Lao}\\p{Script=Khmer}\\p{Script=Myanmar}";
const masks = privateTypeNames.map(t => privateMask(t).slice(1, -1)).join("|");
const pattern = new RegExp(`\\[(?:${masks})\\]|[${alone}]\\p{M}*|(?:(?![${alone}])[\\p{L}\\p{M}\\p{N}])+|[^\\s]`, "gu");

export function nameTokens(text: string): NameToken[] {
  const tokens: NameToken[] = [];
  let end = 0;
  for (const match of text.matchAll(pattern)) {
    const [word] = match;
    const between = text.slice(end, match.index);
    end = match.index + word.length;
    const isMask = word.length > 1 && word.startsWith("[");
    tokens.push({
      start: match.index,
      end,
      text: word,
      isMask,
      beginsLine: /[\r\n]/.test(between),
      isGlued: between === "" && match.index > 0,
    });
  }
  return tokens;
}

/** Labels of tokens by findings that are in order and begin and end where tokens do. */
export function nameLabels(tokens: readonly NameToken[], spans: readonly NameSpan[]): Uint8Array {
  const labels = new Uint8Array(tokens.length);
  let at = 0;
  for (const { start, end, type } of spans) {
    while (tokens[at]!.start < start) at++;
    labels[at++] = beginOf(type);
    for (; at < tokens.length && tokens[at]!.end <= end; at++) labels[at] = beginOf(type) + 1;
  }
  return labels;
}

/** A finding as tokens: from `first` to before `next`. */
interface TokenSpan {
  readonly type: NameType;
  readonly first: number;
  readonly next: number;
}

export function spansOf(labels: Uint8Array): TokenSpan[] {
  const spans: TokenSpan[] = [];
  for (let first = 0; first < labels.length; ) {
    const label = labels[first]!;
    let next = first + 1;
    if (label > 0) {
      while (next < labels.length && isInside(labels[next]!) && typeOf(labels[next]!) === typeOf(label)) next++;
      spans.push({ type: typeOf(label), first, next });
    }
    first = next;
  }
  return spans;
}
