/**
 * A list at work on a text that grows: whether something is found, whether something could still be, and from where another scan of the same
 * text could begin. It keeps no text; what is held back is its caller's to know.
 */
import { hiddenReader, isWordUnit } from "../normalise/index.ts";
import { foundHidden } from "./hidden-findings.ts";
import { type ReadForm, readUnits } from "./units.ts";
import type { Finder } from "./words.ts";

/** The unit before a text, where the text is not its whole beginning. */
export interface ScanStart {
  readonly behind: number | undefined;
  /** Findings that end at or before this place do not count. */
  readonly ignored: number;
  readonly form: ReadForm;
}

/** Another scan that begins `at` behind this unit decides the same. */
interface Restart {
  readonly at: number;
  readonly behind: number;
}

export class BlocklistScan {
  readonly #finders: readonly Finder[];
  readonly #hidden: ReturnType<typeof hiddenReader>;
  readonly #reader: ReturnType<typeof readUnits>;
  readonly #found: (start: number, end: number) => void;
  #isFound = false;
  #length = 0;
  #lastEnd = 0;
  #last: number | undefined;
  #restart: Restart | undefined;

  constructor(finders: () => readonly Finder[], { behind, ignored, form }: ScanStart) {
    this.#finders = finders();
    if (behind !== undefined) for (const finder of this.#finders) finder.behind(behind);
    this.#last = behind;
    this.#found = (_, end) => {
      if (end > ignored) this.#isFound = true;
    };
    this.#hidden = hiddenReader(
      h => {
        for (const { start, end } of foundHidden(h, finders, 1)) this.#found(start, end);
      },
      () => undefined,
    );
    this.#reader = readUnits(
      form,
      (codePoint, start, end) => {
        this.#note(start);
        this.#hidden.take(codePoint, start, end);
        return this.#isFound;
      },
      (unit, original, start, end) => this.#unit(unit, original, start, end),
    );
  }

  get isFound(): boolean {
    return this.#isFound;
  }
  /** Something may still become a finding, at the text's end too. */
  get isHolding(): boolean {
    return this.#hidden.hold !== undefined || this.#finders.some(f => f.hold !== undefined);
  }
  get restart(): Restart | undefined {
    return this.#restart;
  }

  push(text: string): void {
    this.#length += text.length;
    this.#reader.push(text);
    if (this.#reader.at === this.#length) this.#note(this.#length);
  }

  /** Whether something is found if the text ends here; the scan is of no use afterwards. */
  end(): boolean {
    this.#reader.end();
    this.#hidden.end();
    if (!this.#isFound) for (const finder of this.#finders) finder.before(undefined, this.#length, this.#found);
    return this.#isFound;
  }

  #note(at: number): void {
    const behind = this.#last;
    if (behind === undefined || isWordUnit(behind)) return;
    if (this.#hidden.isIdle && this.#finders.every(f => f.isIdle)) this.#restart = { at, behind };
  }

  #unit(unit: number, original: number, start: number, end: number): boolean {
    const at = Math.max(this.#lastEnd, start);
    for (const finder of this.#finders) finder.before(unit, at, this.#found);
    if (this.#isFound) return true;
    for (const finder of this.#finders) finder.take(unit, original, start);
    this.#lastEnd = end;
    this.#last = unit;
    return false;
  }
}
