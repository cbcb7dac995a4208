/**
 * A list at work on one text: it finds, holds back what may still become a finding, and lets the rest go. Every step follows from the characters
 * so far, never from how they were cut into pieces.
 */

import { type Finder, foundHidden, hiddenReader, readUnits } from "../../../text/index.ts";
import type { FilteredPiece, TextFilter, TextForm } from "../contract.ts";

export type ListAction = "block" | "mask" | "flag";

interface ListFilterOptions {
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

export const listFilter = (options: ListFilterOptions): TextFilter => new ListFilter(options);

class ListFilter implements TextFilter {
  readonly #options: ListFilterOptions;
  readonly #finders: readonly Finder[];
  readonly #hidden: ReturnType<typeof hiddenReader>;
  readonly #reader: ReturnType<typeof readUnits>;
  readonly #found: (start: number, end: number) => void;
  /** Text from `#sent` on. */
  #held = "";
  #sent = 0;
  #total = 0;
  #lastEnd = 0;
  #hasFound = false;
  /** Findings behind `#sent`, by place, those that overlap as one. */
  readonly #spans: Span[] = [];
  #isBlocked = false;
  #blockedAt = 0;

  constructor(options: ListFilterOptions) {
    const { finders, form } = options;
    this.#options = options;
    this.#finders = finders();
    this.#found = (start, end) => this.#take(start, end);
    this.#hidden = hiddenReader(
      h => {
        for (const { start, end } of foundHidden(h, finders, 1)) this.#take(start, end);
      },
      () => this.#heldByFinders(),
    );
    this.#reader = readUnits(
      form,
      (codePoint, start, end) => {
        this.#hidden.take(codePoint, start, end);
        return this.#stops(start);
      },
      (unit, original, start, end) => this.#unit(unit, original, start, end),
    );
  }

  push(text: string): FilteredPiece {
    if (this.#isBlocked) return { text: "", isBlocked: true };
    this.#held += text;
    this.#total += text.length;
    this.#reader.push(text);
    if (this.#isBlocked) return this.#piece(this.#release(Math.max(this.#sent, this.#blockedAt)));
    if (this.#options.action !== "flag") return this.#piece(this.#release(this.#holdOf(this.#reader.at)));
    const all = this.#held;
    this.#held = "";
    this.#sent = this.#total;
    return this.#piece(all);
  }

  end(): FilteredPiece {
    if (this.#isBlocked) return { text: "", isBlocked: true };
    this.#reader.end();
    if (!this.#isBlocked) this.#hidden.end();
    if (!this.#isBlocked) for (const finder of this.#finders) finder.before(undefined, this.#total, this.#found);
    if (this.#isBlocked) return this.#piece(this.#release(Math.max(this.#sent, Math.min(this.#blockedAt, this.#holdOf(this.#total)))));
    return this.#piece(this.#release(this.#total));
  }

  #heldByFinders(): number | undefined {
    let least: number | undefined;
    for (const { hold } of this.#finders) if (hold !== undefined && (least === undefined || hold < least)) least = hold;
    return least;
  }

  #holdOf(otherwise: number): number {
    return Math.min(otherwise, this.#heldByFinders() ?? otherwise, this.#hidden.hold ?? otherwise);
  }

  #take(start: number, end: number): void {
    const { action } = this.#options;
    this.#hasFound = true;
    if (action === "block") {
      this.#blockedAt = this.#isBlocked ? Math.min(this.#blockedAt, start) : start;
      this.#isBlocked = true;
      return;
    }
    // what has left was looked at: a hidden text repeats what stands before it
    if (action === "flag" || start < this.#sent) return;
    // most come in order; letters set apart and hidden texts are known later than they end
    const spans = this.#spans;
    let at = spans.length;
    while (at > 0 && spans[at - 1]!.end > start) at--;
    const own = { start, end };
    let until = at;
    while (until < spans.length && spans[until]!.start < end) {
      own.start = Math.min(own.start, spans[until]!.start);
      own.end = Math.max(own.end, spans[until++]!.end);
    }
    spans.splice(at, until - at, own);
  }

  /** Whether the text is over here. */
  #stops(start: number): boolean {
    if (!this.#isBlocked) return false;
    // what could be a part of anything at this character stays, however much more has come
    this.#blockedAt = Math.min(this.#blockedAt, this.#holdOf(start));
    return true;
  }

  #unit(unit: number, original: number, start: number, end: number): boolean {
    const at = Math.max(this.#lastEnd, start);
    for (const finder of this.#finders) finder.before(unit, at, this.#found);
    if (this.#stops(start)) return true;
    for (const finder of this.#finders) finder.take(unit, original, start);
    this.#lastEnd = end;
    return false;
  }

  /** Lets go what lies before `upTo`, findings in it changed. */
  #release(upTo: number): string {
    const spans = this.#spans;
    const sent = this.#sent;
    let out = "";
    let at = sent;
    while (spans.length > 0 && spans[0]!.start < upTo) {
      const { start, end } = spans[0]!;
      if (end > upTo) {
        upTo = start;
        break;
      }
      out += this.#held.slice(at - sent, start - sent) + this.#options.mask;
      at = end;
      spans.shift();
    }
    out += this.#held.slice(at - sent, upTo - sent);
    this.#held = this.#held.slice(upTo - sent);
    this.#sent = upTo;
    return out;
  }

  #piece(text: string): FilteredPiece {
    const isNew = this.#hasFound;
    this.#hasFound = false;
    if (this.#isBlocked) return { text, isBlocked: true };
    return isNew ? { text, did: this.#options.action === "flag" ? "flag" : "rewrite" } : { text };
  }
}
