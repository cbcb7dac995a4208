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
  type Reading,
  readingsOf,
  sameGaps,
  star,
  wordsApart,
} from "../../../text/index.ts";
import { type Alive, type Dictionary, isPartUnit, keyOf, type PhraseNode } from "./dictionary.ts";
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

export interface DisguiseOptions {
  readonly dictionary: Dictionary;
  /** Where a word may be a part of a longer one: what finds them in readings. */
  readonly within: WordAutomaton | undefined;
}

export function disguiseFinder({ dictionary, within }: DisguiseOptions): Finder {
  let part: Part | undefined;
  let isTooLong = false;
  let gap = "";
  let begun: readonly Begun[] = [];
  let apart: LetterApart[] = [];

  const readings = (units: readonly number[]): readonly Reading[] => [
    { units, at: units.map((_, i) => i), ends: units.map((_, i) => i + 1) },
    ...(isDisguised(units) ? readingsOf(units) : []),
  ];
  const judgeApart = (found: (start: number, end: number) => void): void => {
    const all = apart;
    apart = [];
    for (const run of wordsApart(all)) {
      const has = readings(run.map(a => a.unit)).some(({ units }) =>
        within ? findAll(within, units).length > 0 : dictionary.joined.has(keyOf(units)),
      );
      if (has) found(run[0]!.start, run.at(-1)!.end);
    }
  };
  /** A part among phrases and words. */
  const judge = ({ units, starts, alive }: Part, end: number, found: (start: number, end: number) => void): void => {
    const place = (i: number): number => starts[i] ?? end;
    if (within) {
      if (!isDisguised(units)) return;
      for (const { units: read, at, ends } of readings(units)) {
        for (const [from, to] of findAll(within, read)) found(place(at[from]!), place(ends[to - 1]!));
        if (read.includes(star) && dictionary.starred(read, dictionary.phrases.next).some(n => n.isWhole))
          found(place(at[0]!), place(ends.at(-1)!));
      }
      return;
    }
    if (!alive && begun.length === 0) return;
    const out: Begun[] = [];
    const isHidden = isDisguised(units);
    for (const before of [...begun, undefined]) {
      const next = (before?.node ?? dictionary.phrases).next;
      for (const { units: read, at, ends } of readings(units)) {
        const nodes = read.includes(star) ? dictionary.starred(read, next) : [next.get(keyOf(read))];
        for (const node of nodes) {
          if (!node) continue;
          const own = { node, start: before?.start ?? place(at[0]!), isHidden: isHidden || before?.isHidden === true };
          if (node.isWhole && own.isHidden) found(own.start, place(ends.at(-1)!));
          if (node.next.size > 0) out.push(own);
        }
      }
    }
    begun = out.slice(0, mostPhrases);
  };
  const endPart = (end: number, found: (start: number, end: number) => void): void => {
    if (!part) return;
    const own = part;
    part = undefined;
    if (isTooLong) {
      begun = [];
      judgeApart(found);
    } else {
      judge(own, end, found);
      const [unit] = own.units;
      if (own.units.length === 1) apart.push({ unit: unit!, start: own.starts[0]!, end, gap });
      if (apart.length === mostApart) {
        const last = sameGaps(apart).at(-1)!;
        judgeApart(found);
        if (last.length < mostApart) apart = [...last];
      }
    }
    isTooLong = false;
    gap = "";
  };
  return {
    before: (next, end, found) => {
      // inside of a word that can become nothing
      if (part && part.alive === undefined && part.units.length > 1 && next !== undefined && isPartUnit(next)) return;
      const isPart = next !== undefined && isPartUnit(next);
      if (part && !isPart) endPart(end, found);
      else if (part && part.units.length === 1 && apart.length > 0) judgeApart(found);
      if (!part && !isPart && (next === undefined || gap.length >= longestGap)) {
        judgeApart(found);
        begun = [];
      }
      if (!part || !within || part.units.length < longestWord) return;
      // where words are parts of longer ones a part has no end that could be waited for
      judge(part, end, found);
      const half = longestWord / 2;
      part = { ...part, units: part.units.slice(half), starts: part.starts.slice(half) };
    },
    take: (unit, _original, start) => {
      if (!isPartUnit(unit)) {
        if (gap.length <= longestGap) gap += String.fromCodePoint(unit);
        return;
      }
      part ??= { units: [], starts: [], alive: within ? "any" : dictionary.beginning };
      if (part.units.length >= longestWord) {
        isTooLong = true;
        part.alive = undefined;
        return;
      }
      part.units.push(unit);
      part.starts.push(start);
      part.alive = dictionary.after(part.alive, unit);
    },
    get hold() {
      const firstApart = apart.find(a => within || dictionary.beginsApart(a.unit));
      const places = [part?.alive ? part.starts[0] : undefined, firstApart?.start, ...begun.map(b => b.start)];
      return places.reduce((least, at) => (at !== undefined && (least === undefined || at < least) ? at : least), undefined);
    },
  };
}
