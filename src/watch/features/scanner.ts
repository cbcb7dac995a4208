/**
 * Which phrases a text has: Aho and Corasick's automaton (1975), made once, which takes one step a character whatever the text is. Characters are folded first:
 * case, accents, full width, invisible characters and punctuation, by which phrases are hidden.
 */
import { type PhraseClass, type PhraseRule, phraseRules, phrases, phraseWindow } from "./phrases.ts";

/** Symbols: 0 is a character that no phrase has, 1 a border; `skipped` is no symbol. */
const other = 0;
const border = 1;
const skipped = 0xffff;

const classes = Object.keys(phrases) as PhraseClass[];

/** Stretches of UTF-16 whose characters have forms that fold to another: letters with accents, compatibility forms. Elsewhere a unit is itself. */
const isFolded = (unit: number): boolean => unit < 0x2500 || unit >= 0xff00;
/** Vowel signs of Indic scripts are parts of words, though no letters. */
const inWord = /[\p{L}\p{N}\p{Mc}]/u;

/** A unit as phrases are written: lower case without accents, " " for what is no letter, "" for what is not seen. */
function folded(unit: number): string {
  const character = String.fromCharCode(unit);
  if (/[\p{Mn}\p{Cf}'\u2019\u02bc`\u00b4]/u.test(character)) return "";
  if (!isFolded(unit)) return inWord.test(character) ? character : " ";
  const plain = character
    .normalize("NFKD")
    .toLowerCase()
    .normalize("NFKD")
    .replace(/\p{Mn}/gu, "");
  const first = plain.slice(0, 1).replace("\u0131", "i").replace("\u0142", "l");
  return inWord.test(first) ? first : " ";
}

interface Automaton {
  /** Symbol of each UTF-16 unit. */
  readonly symbols: Uint16Array;
  readonly width: number;
  /** Next state by state and symbol. */
  readonly next: Uint16Array;
  /** Bits of the classes that end in a state. */
  readonly ends: Uint16Array;
}

function buildAutomaton(): Automaton {
  const symbols = new Uint16Array(65_536);
  const plain = Array.from(symbols, (_, unit) => folded(unit));
  const foldText = (text: string): string =>
    Array.from({ length: text.length }, (_, i) => plain[text.charCodeAt(i)])
      .join("")
      .replace(/ +/g, " ");
  const numbers = new Map<string, number>([[" ", border]]);
  const trie: Map<number, number>[] = [new Map()];
  const ends: number[] = [0];
  for (const [bit, name] of classes.entries())
    for (const phrase of phrases[name]) {
      let state = 0;
      for (const character of foldText(phrase)) {
        const symbol = numbers.get(character) ?? numbers.size + 1;
        numbers.set(character, symbol);
        let after = trie[state]!.get(symbol);
        if (after === undefined) {
          after = trie.push(new Map()) - 1;
          ends.push(0);
          trie[state]!.set(symbol, after);
        }
        state = after;
      }
      ends[state] = ends[state]! | (1 << bit);
    }
  for (let unit = 0; unit < 65_536; unit++) {
    const to = plain[unit]!;
    symbols[unit] = to === "" ? skipped : (numbers.get(to) ?? other);
  }
  return { symbols, ...completed(trie, ends, numbers.size + 1) };
}

/** The automaton's table from its trie: where a state has no step of its own, that of the longest suffix which is a state too. */
function completed(trie: readonly ReadonlyMap<number, number>[], own: readonly number[], width: number): Omit<Automaton, "symbols"> {
  const next = new Uint16Array(trie.length * width);
  const ends = Uint16Array.from(own);
  const fail = new Uint16Array(trie.length);
  const queue = [0];
  for (let i = 0; i < queue.length; i++) {
    const state = queue[i]!;
    const back = fail[state]!;
    ends[state] = ends[state]! | ends[back]!;
    for (let symbol = 0; symbol < width; symbol++) {
      const after = trie[state]!.get(symbol);
      const byFail = state === 0 ? 0 : next[back * width + symbol]!;
      if (after === undefined) next[state * width + symbol] = byFail;
      else {
        next[state * width + symbol] = after;
        fail[after] = byFail;
        queue.push(after);
      }
    }
  }
  return { width, next, ends };
}

let automaton: Automaton | undefined;
/** Place of the last phrase of each class; a scan writes it. */
const places = new Int32Array(classes.length);

const rules = (Object.entries(phraseRules) as [PhraseRule, readonly (readonly PhraseClass[])[]][]).map(([name, ways], bit) => ({
  name,
  bit: 1 << bit,
  ways: ways.map(way => way.map(c => classes.indexOf(c))),
}));
/** Bits of what `scanPhrases` gives. */
export const phraseBits = Object.fromEntries(rules.map(({ name, bit }) => [name, bit])) as Readonly<Record<PhraseRule, number>>;

/** Rules that hold at a place, as bits. */
function holding(at: number): number {
  let found = 0;
  for (const { bit, ways } of rules)
    for (const way of ways) {
      let isNear = true;
      for (const c of way) if (at - places[c]! > phraseWindow) isNear = false;
      if (isNear) found |= bit;
    }
  return found;
}

/** Rules that hold somewhere in a stretch of a text, as bits of `phraseBits`. */
export function scanPhrases(text: string, from: number, to: number): number {
  automaton ??= buildAutomaton();
  const { symbols, width, next, ends } = automaton;
  places.fill(-1_000_000);
  let [found, state, last] = [0, next[border]!, border];
  for (let i = from; i <= to; i++) {
    const symbol = i === to ? border : symbols[text.charCodeAt(i)]!;
    if (symbol === skipped || (symbol === border && last === border)) continue;
    last = symbol;
    state = next[state * width + symbol]!;
    const ended = ends[state]!;
    if (ended === 0) continue;
    for (let c = 0; c < places.length; c++) if ((ended >> c) & 1) places[c] = i;
    found |= holding(i);
  }
  return found;
}
