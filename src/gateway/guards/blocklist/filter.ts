/**
 * A list at work on one text: it finds, holds back what may still become a finding, and lets the rest go. Every step follows from the characters
 * so far, never from how they were cut into pieces.
 */
import type { Piece, TextFilter, TextForm } from "../contract.ts";
import { readUnits } from "./units.ts";
import type { Finder } from "./words.ts";

export type ListAction = "block" | "mask" | "flag";

export interface ListFilterOptions {
  readonly finders: readonly Finder[];
  readonly action: ListAction;
  /** What stands for a finding. */
  readonly mask: string;
  readonly form: TextForm;
}

interface Span {
  readonly start: number;
  end: number;
}

export function listFilter({ finders, action, mask, form }: ListFilterOptions): TextFilter {
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

  const holdOf = (otherwise: number): number => {
    let least = otherwise;
    for (const finder of finders) {
      const { hold } = finder;
      if (hold !== undefined && hold < least) least = hold;
    }
    return least;
  };
  const found = (start: number, end: number): void => {
    hasFound = true;
    if (action === "block") {
      blockedAt = isBlocked ? Math.min(blockedAt, start) : start;
      isBlocked = true;
      return;
    }
    if (action === "flag") return;
    let from = start;
    let to = end;
    while (spans.length > 0 && spans[spans.length - 1]!.end > from) {
      const before = spans.pop()!;
      from = Math.min(from, before.start);
      to = Math.max(to, before.end);
    }
    spans.push({ start: from, end: to });
  };
  const reader = readUnits(form, (unit, original, start, end) => {
    const at = Math.max(lastEnd, start);
    for (const finder of finders) finder.before(unit, at, found);
    if (isBlocked) {
      // what could be a part of anything at this character stays, however much more has come
      blockedAt = Math.min(blockedAt, holdOf(start));
      return true;
    }
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
      if (!isBlocked) for (const finder of finders) finder.before(undefined, total, found);
      if (isBlocked) return piece(release(Math.max(sent, Math.min(blockedAt, holdOf(total)))));
      return piece(release(total));
    },
  };
}
