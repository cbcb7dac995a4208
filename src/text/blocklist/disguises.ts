/**
 * Words of a list in disguise: digits and signs for letters, letters drawn out, hidden by stars or set apart. Plain words are `words.ts`'. A part
 * is judged when it is over, by its readings; where it can become no word it is let go at once.
 */
import {
  isDisguised,
  type LetterApart,
  longestGap,
  longestWord,
  mostApart,
  readingsOf,
  sameGaps,
  star,
  type TextReading,
  wordsApart,
} from "../normalise/index.ts";
import { type Alive, type Dictionary, isPartUnit, type PhraseNode, unitsKey } from "./dictionary.ts";
import type { Finder, WordAutomaton } from "./words.ts";
import { findAll } from "./words.ts";

/** Beginnings of phrases at one place; lists have few that go on alike. */
const mostPhrases = 64;

interface Part {
  units: number[];
  starts: number[];
  alive: Alive;
}

interface Begun {
  readonly node: PhraseNode;
  readonly start: number;
  readonly isHidden: boolean;
}

interface DisguiseOptions {
  readonly dictionary: Dictionary;
  /** Where a word may be a part of a longer one: what finds them in readings. */
  readonly within: WordAutomaton | undefined;
}

export const disguiseFinder = (options: DisguiseOptions): Finder => new DisguiseFinder(options);

type Found = Parameters<Finder["before"]>[2];

const readings = (units: readonly number[]): readonly TextReading[] => [
  { units, at: units.map((_, i) => i), ends: units.map((_, i) => i + 1) },
  ...(isDisguised(units) ? readingsOf(units) : []),
];

class DisguiseFinder implements Finder {
  readonly #dictionary: Dictionary;
  readonly #within: WordAutomaton | undefined;
  #part: Part | undefined;
  #isTooLong = false;
  #gap = "";
  #begun: readonly Begun[] = [];
  #apart: LetterApart[] = [];

  constructor({ dictionary, within }: DisguiseOptions) {
    this.#dictionary = dictionary;
    this.#within = within;
  }

  get hold(): number | undefined {
    const part = this.#part;
    const firstApart = this.#apart.find(a => this.#within || this.#dictionary.beginsApart(a.unit));
    const places = [part?.alive ? part.starts[0] : undefined, firstApart?.start, ...this.#begun.map(b => b.start)];
    return places.reduce((least, at) => (at !== undefined && (least === undefined || at < least) ? at : least), undefined);
  }

  get isIdle(): boolean {
    return this.#part === undefined && this.#begun.length === 0 && this.#apart.length === 0;
  }

  behind(unit: number): void {
    if (!isPartUnit(unit)) this.#gap = String.fromCodePoint(unit);
  }

  before(next: number | undefined, end: number, found: Found): void {
    // inside of a word that can become nothing
    if (this.#part && this.#part.alive === undefined && this.#part.units.length > 1 && next !== undefined && isPartUnit(next)) return;
    const isPart = next !== undefined && isPartUnit(next);
    if (this.#part && !isPart) this.#endPart(end, found);
    else if (this.#part && this.#part.units.length === 1 && this.#apart.length > 0) this.#judgeApart(found);
    if (!this.#part && !isPart && (next === undefined || this.#gap.length >= longestGap)) {
      this.#judgeApart(found);
      this.#begun = [];
    }
    const part = this.#part;
    if (!part || !this.#within || part.units.length < longestWord) return;
    // where words are parts of longer ones a part has no end that could be waited for
    this.#judge(part, end, found);
    const half = longestWord / 2;
    this.#part = { ...part, units: part.units.slice(half), starts: part.starts.slice(half) };
  }

  take(unit: number, _original: number, start: number): void {
    if (!isPartUnit(unit)) {
      if (this.#gap.length <= longestGap) this.#gap += String.fromCodePoint(unit);
      return;
    }
    this.#part ??= { units: [], starts: [], alive: this.#within ? "any" : this.#dictionary.beginning };
    const part = this.#part;
    if (part.units.length >= longestWord) {
      this.#isTooLong = true;
      part.alive = undefined;
      return;
    }
    part.units.push(unit);
    part.starts.push(start);
    part.alive = this.#dictionary.after(part.alive, unit);
  }

  #judgeApart(found: Found): void {
    const all = this.#apart;
    this.#apart = [];
    for (const run of wordsApart(all)) {
      const has = readings(run.map(a => a.unit)).some(({ units }) =>
        this.#within ? findAll(this.#within, units).length > 0 : this.#dictionary.joined.has(unitsKey(units)),
      );
      if (has) found(run[0]!.start, run.at(-1)!.end);
    }
  }

  /** A part among phrases and words. */
  #judge({ units, starts, alive }: Part, end: number, found: Found): void {
    const place = (i: number): number => starts[i] ?? end;
    const dictionary = this.#dictionary;
    if (this.#within) {
      if (!isDisguised(units)) return;
      for (const { units: read, at, ends } of readings(units)) {
        for (const [from, to] of findAll(this.#within, read)) found(place(at[from]!), place(ends[to - 1]!));
        if (read.includes(star) && dictionary.starred(read, dictionary.phrases.next).some(n => n.isWhole))
          found(place(at[0]!), place(ends.at(-1)!));
      }
      return;
    }
    if (!alive && this.#begun.length === 0) return;
    const out: Begun[] = [];
    const isHidden = isDisguised(units);
    for (const before of [...this.#begun, undefined]) {
      const next = (before?.node ?? dictionary.phrases).next;
      for (const { units: read, at, ends } of readings(units)) {
        const nodes = read.includes(star) ? dictionary.starred(read, next) : [next.get(unitsKey(read))];
        for (const node of nodes) {
          if (!node) continue;
          const own = { node, start: before?.start ?? place(at[0]!), isHidden: isHidden || before?.isHidden === true };
          if (node.isWhole && own.isHidden) found(own.start, place(ends.at(-1)!));
          if (node.next.size > 0) out.push(own);
        }
      }
    }
    this.#begun = out.slice(0, mostPhrases);
  }

  #endPart(end: number, found: Found): void {
    const own = this.#part;
    if (!own) return;
    this.#part = undefined;
    if (this.#isTooLong) {
      this.#begun = [];
      this.#judgeApart(found);
    } else {
      this.#judge(own, end, found);
      const [unit] = own.units;
      if (own.units.length === 1) this.#apart.push({ unit: unit!, start: own.starts[0]!, end, gap: this.#gap });
      if (this.#apart.length === mostApart) {
        const last = sameGaps(this.#apart).at(-1)!;
        this.#judgeApart(found);
        if (last.length < mostApart) this.#apart = [...last];
      }
    }
    this.#isTooLong = false;
    this.#gap = "";
  }
}
