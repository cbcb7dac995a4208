/**
 * A list at work on one text: it finds, holds back what may still become a finding, and lets the rest go. Every step follows from the characters
 * so far, never from how they were cut into pieces.
 */

import { type HiddenText, hiddenReader } from "../../../text/index.ts";
import type { Piece, TextFilter, TextForm } from "../contract.ts";
import { readUnits } from "./units.ts";
import type { Finder } from "./words.ts";

export type ListAction = "block" | "mask" | "flag";

export interface ListFilterOptions {
  /** New ones: each looks at one text. */
  readonly finders: () => readonly Finder[];
  readonly action: ListAction;
  /** What stands for a finding. */
  readonly mask: string;
  readonly form: TextForm;
}

interface Span {
  readonly start: number;
  end: number;
}

/** Texts inside of a text inside of a text are looked at, and no deeper. */
const deepest = 2;

/** What is found in a text inside of another, in places of that text. */
function foundIn(text: string, finders: ListFilterOptions["finders"], depth: number): Span[] {
  const spans: Span[] = [];
  const own = finders();
  const found = (start: number, end: number): void => {
    spans.push({ start, end });
  };
  let lastEnd = 0;
  const hidden = depth < deepest ? hiddenReader(h => spans.push(...foundHidden(h, finders, depth + 1))) : undefined;
  const reader = readUnits(
    "text",
    (codePoint, start, end) => {
      hidden?.take(codePoint, start, end);
      return false;
    },
    (unit, original, start, end) => {
      for (const finder of own) finder.before(unit, Math.max(lastEnd, start), found);
      for (const finder of own) finder.take(unit, original, start);
      lastEnd = end;
      return false;
    },
  );
  reader.push(text);
  reader.end();
  hidden?.end();
  for (const finder of own) finder.before(undefined, text.length, found);
  return spans;
}

/** What is found in a hidden text, in places of the text that hides it. */
function foundHidden({ text, starts, isDivisible }: HiddenText, finders: ListFilterOptions["finders"], depth: number): Span[] {
  const spans = foundIn(text, finders, depth);
  const end = starts[starts.length - 1]!;
  if (!isDivisible) return spans.length > 0 ? [{ start: starts[0]!, end }] : [];
  return spans.map(s => ({ start: starts[s.start]!, end: starts[s.end] ?? end }));
}

export function listFilter({ finders: newFinders, action, mask, form }: ListFilterOptions): TextFilter {
  const finders = newFinders();
  /** Text from `sent` on. */
  let held = "";
  let sent = 0;
  let total = 0;
  let lastEnd = 0;
  let hasFound = false;
  /** Findings behind `sent`, by place, those that overlap as one. */
  const spans: Span[] = [];
  let isBlocked = false;
  let blockedAt = 0;

  const heldByFinders = (): number | undefined => {
    let least: number | undefined;
    for (const { hold } of finders) if (hold !== undefined && (least === undefined || hold < least)) least = hold;
    return least;
  };
  const hidden = hiddenReader(h => {
    for (const { start, end } of foundHidden(h, newFinders, 1)) found(start, end);
  }, heldByFinders);
  const holdOf = (otherwise: number): number => Math.min(otherwise, heldByFinders() ?? otherwise, hidden.hold ?? otherwise);
  const found = (start: number, end: number): void => {
    hasFound = true;
    if (action === "block") {
      blockedAt = isBlocked ? Math.min(blockedAt, start) : start;
      isBlocked = true;
      return;
    }
    // what has left was looked at: a hidden text repeats what stands before it
    if (action === "flag" || start < sent) return;
    // most come in order; letters set apart and hidden texts are known later than they end
    let at = spans.length;
    while (at > 0 && spans[at - 1]!.end > start) at--;
    const own = { start, end };
    let until = at;
    while (until < spans.length && spans[until]!.start < end) {
      own.start = Math.min(own.start, spans[until]!.start);
      own.end = Math.max(own.end, spans[until++]!.end);
    }
    spans.splice(at, until - at, own);
  };
  /** Whether the text is over here. */
  const stops = (start: number): boolean => {
    if (!isBlocked) return false;
    // what could be a part of anything at this character stays, however much more has come
    blockedAt = Math.min(blockedAt, holdOf(start));
    return true;
  };
  const points = (codePoint: number, start: number, end: number): boolean => {
    hidden.take(codePoint, start, end);
    return stops(start);
  };
  const reader = readUnits(form, points, (unit, original, start, end) => {
    const at = Math.max(lastEnd, start);
    for (const finder of finders) finder.before(unit, at, found);
    if (stops(start)) return true;
    for (const finder of finders) finder.take(unit, original, start);
    lastEnd = end;
    return false;
  });

  /** Lets go what lies before `upTo`, findings in it changed. */
  const release = (upTo: number): string => {
    let out = "";
    let at = sent;
    while (spans.length > 0 && spans[0]!.start < upTo) {
      const { start, end } = spans[0]!;
      if (end > upTo) {
        upTo = start;
        break;
      }
      out += held.slice(at - sent, start - sent) + mask;
      at = end;
      spans.shift();
    }
    out += held.slice(at - sent, upTo - sent);
    held = held.slice(upTo - sent);
    sent = upTo;
    return out;
  };
  const piece = (text: string): Piece => {
    const isNew = hasFound;
    hasFound = false;
    if (isBlocked) return { text, isBlocked: true };
    return isNew ? { text, did: action === "flag" ? "flag" : "rewrite" } : { text };
  };
  return {
    push: text => {
      if (isBlocked) return { text: "", isBlocked: true };
      held += text;
      total += text.length;
      reader.push(text);
      if (isBlocked) return piece(release(Math.max(sent, blockedAt)));
      if (action !== "flag") return piece(release(holdOf(reader.at)));
      const all = held;
      held = "";
      sent = total;
      return piece(all);
    },
    end: () => {
      if (isBlocked) return { text: "", isBlocked: true };
      reader.end();
      if (!isBlocked) hidden.end();
      if (!isBlocked) for (const finder of finders) finder.before(undefined, total, found);
      if (isBlocked) return piece(release(Math.max(sent, Math.min(blockedAt, holdOf(total)))));
      return piece(release(total));
    },
  };
}
