/** Templates with slots: `please send {what} to {who}` found in a text, without regular expressions, in time that grows with the text. */

export type TemplatePart = { readonly literal: string } | { readonly slot: string };

/** Parts of a template; undefined where braces do not pair or two slots stand side by side (nothing would tell them apart). */
export function parseTemplate(template: string): TemplatePart[] | undefined {
  const parts: TemplatePart[] = [];
  let at = 0;
  for (const m of template.matchAll(/\{([\p{L}_][\p{L}\p{N}_]*)\}/gu)) {
    if (m.index > at) parts.push({ literal: template.slice(at, m.index) });
    else if (parts.length > 0) return undefined;
    parts.push({ slot: m[1]! });
    at = m.index + m[0].length;
  }
  if (at < template.length) parts.push({ literal: template.slice(at) });
  return parts.some(p => "literal" in p && /[{}]/.test(p.literal)) || parts.length === 0 ? undefined : parts;
}

export interface TemplateMatch {
  readonly from: number;
  readonly to: number;
  readonly slots: Readonly<Record<string, string>>;
}

/** Longest text of a slot, characters; it ends with its sentence. */
const maxSlot = 120;
const sentenceEnd = /[.!?;\n]/;

/** Matches from left to right that do not overlap. A template begins with words, or with a slot that starts a line or sentence. */
export function matchTemplate(text: string, parts: readonly TemplatePart[]): TemplateMatch[] {
  const lower = text.toLowerCase();
  // Where lower case has another length (a dotted capital I), places would not agree.
  if (lower.length !== text.length) return [];
  const found: TemplateMatch[] = [];
  const literals = parts.flatMap(p => ("literal" in p ? [p.literal.toLowerCase()] : []));
  const leading = "slot" in parts[0]!;
  let at = 0;
  while (at < text.length) {
    const first = lower.indexOf(literals[0]!, at);
    if (first < 0) break;
    const match = tryAt(text, lower, parts, first, leading, at);
    if (match) found.push(match);
    at = match ? Math.max(match.to, first + 1) : first + 1;
  }
  return found;
}

const isWordChar = (c: string | undefined) => c !== undefined && /[\p{L}\p{N}]/u.test(c);

function tryAt(
  text: string,
  lower: string,
  parts: readonly TemplatePart[],
  first: number,
  leading: boolean,
  floor: number,
): TemplateMatch | undefined {
  const slots: Record<string, string> = {};
  const put = (name: string, value: string): boolean => {
    const inner = value.trim();
    if (inner === "" || value.length > maxSlot || sentenceEnd.test(inner)) return false;
    // The same slot twice must hold the same.
    if (slots[name] !== undefined && slots[name] !== inner) return false;
    slots[name] = inner;
    return true;
  };
  let from = first;
  let place = first;
  let i = 0;
  if (leading) {
    const slot = parts[0] as { slot: string };
    const window = text.slice(Math.max(floor, first - maxSlot), first);
    const cut = Math.max(...[".", "!", "?", ";", "\n"].map(c => window.lastIndexOf(c)));
    const value = window.slice(cut + 1);
    from = first - value.trimStart().length;
    if (!put(slot.slot, value)) return undefined;
    i = 1;
  } else if (isWordChar(text[first - 1]) && isWordChar(text[first])) return undefined;
  for (; i < parts.length; i++) {
    const part = parts[i]!;
    if ("literal" in part) {
      if (!lower.startsWith(part.literal.toLowerCase(), place)) return undefined;
      place += part.literal.length;
      continue;
    }
    const next = parts[i + 1];
    const window = text.slice(place, place + maxSlot + 1);
    const end =
      next && "literal" in next
        ? lower.slice(place, place + maxSlot + next.literal.length).indexOf(next.literal.toLowerCase())
        : window.search(sentenceEnd);
    const length = end >= 0 ? end : next ? -1 : window.length <= maxSlot ? window.length : -1;
    if (length < 0 || !put(part.slot, text.slice(place, place + length))) return undefined;
    place += length;
  }
  return isWordChar(text[place - 1]) && isWordChar(text[place]) ? undefined : { from, to: place, slots };
}

/** A template with its slots filled; the first letter is a capital where `like` begins with one. */
export function fillTemplate(parts: readonly TemplatePart[], slots: Readonly<Record<string, string>>, like: string): string {
  const text = parts.map(p => ("literal" in p ? p.literal : (slots[p.slot] ?? ""))).join("");
  const [head = "", ...tail] = [...text];
  const capital = [...like][0] ?? "";
  return (capital !== capital.toLowerCase() ? head.toUpperCase() : head) + tail.join("");
}
