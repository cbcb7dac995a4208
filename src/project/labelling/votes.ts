/**
 * Labels that people gave, as a log: a line a vote, flushed before it is acknowledged, a later one of the same person in place of the earlier. What the
 * votes come to (the class that most gave, how far people agree) is computed from them anew each time.
 */
import { closeSync, existsSync, fstatSync, fsyncSync, ftruncateSync, openSync, readFileSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { z } from "zod";
import { check, fileError, makeFolder, privateFileMode, writeAll } from "../../base/index.ts";
import { cohenKappa, fleissKappa, krippendorffAlpha } from "../../statistics/index.ts";

/** A range of a text in UTF-16 code units, as JavaScript and browsers count; `end` is after the last one. */
const span = z.strictObject({ start: z.int().min(0), end: z.int().min(1), label: z.string() });
export type LabelledSpan = z.output<typeof span>;
/** One class, several (also none), or ranges; null takes back what was given. */
const given = z.union([z.string(), z.array(z.string()), z.array(span)]).nullable();
export type GivenValue = z.output<typeof given>;

const vote = z.strictObject({
  id: z.string(),
  by: z.string(),
  /** `by` is an account that the server has checked; otherwise it is a name that somebody typed. */
  isVerified: z.boolean().optional(),
  label: given,
  /** A decision where people differ: it wins over the majority. */
  adjudicated: z.literal(true).optional(),
  atMs: z.number(),
  /** So many people gave it, whose names retention erased; `by` is empty then. */
  erased: z.int().min(1).optional(),
});
export type Vote = z.output<typeof vote>;

/** A value as a text that equal values share, whatever the order in which they were given. */
export function valueKey(value: NonNullable<GivenValue>): string {
  if (typeof value === "string") return value;
  const texts = value.map(v => (typeof v === "string" ? JSON.stringify(v) : JSON.stringify([v.start, v.end, v.label])));
  return `[${[...new Set(texts)].sort().join(",")}]`;
}

/** The value that a key stands for, of several classes or of ranges. */
export const valuesOfKey = (key: string): (string | readonly [start: number, end: number, label: string])[] => JSON.parse(key);

/** Votes of a file; a last line that was cut off is none. Errors: base/config with the line, for a line that is no vote. */
export const readVotes = (path: string): Vote[] => (existsSync(path) ? parseVotes(readFileSync(path, "utf8"), path) : []);

/** As `readVotes`, of the text of a file. */
export function parseVotes(text: string, path: string): Vote[] {
  const lines = text.slice(0, text.lastIndexOf("\n") + 1).split("\n");
  return lines.flatMap((line, i) => {
    if (line.trim() === "") return [];
    let value: unknown;
    try {
      value = JSON.parse(line);
    } catch {
      // told below as no vote
    }
    return [check(vote, value, `${path}:${i + 1}`)];
  });
}

/** A value in the form of a kind; undefined where it has none. */
function inKind(kind: "one" | "several" | "spans", label: GivenValue): GivenValue | undefined {
  if (label === null) return null;
  const isText = (v: unknown) => typeof v === "string";
  if (kind === "several") return typeof label === "string" ? [label] : label.every(isText) ? label : undefined;
  if (kind === "spans") return typeof label !== "string" && !label.some(isText) ? label : undefined;
  const [only] = typeof label === "string" ? [label] : label.length === 1 ? label : [];
  return typeof only === "string" ? only : undefined;
}

/**
 * The votes that count for a set of this kind. One class given earlier counts as a list of one, and a list of one as one class; what cannot be read as the kind
 * (ranges where classes are asked for) does not count, and stays in the file.
 */
export const votesInKind = (votes: readonly Vote[], kind: "one" | "several" | "spans"): Vote[] =>
  votes.flatMap(vote => {
    const label = inKind(kind, vote.label);
    return label === undefined ? [] : [{ ...vote, label }];
  });

/** Adds a vote; it is on the disk when this returns. Errors: base/diskFull, base/readOnly. */
export function appendVote(path: string, given: Vote): void {
  let isElsewhere = false;
  try {
    makeFolder(dirname(path));
    const fd = openSync(path, "a+", privateFileMode);
    try {
      // what a crash has cut off was never acknowledged
      const text = readFileSync(path);
      ftruncateSync(fd, text.lastIndexOf(0x0a) + 1);
      writeAll(fd, Buffer.from(`${JSON.stringify(given)}\n`));
      fsyncSync(fd);
      // retention put another file in its place meanwhile, and may have read this one before the vote came
      isElsewhere = statSync(path, { throwIfNoEntry: false })?.ino !== fstatSync(fd).ino;
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    throw fileError(error, path);
  }
  if (isElsewhere) appendVote(path, given);
}

/** Accounts and typed names are different people: who types an account's name takes nothing of its labels. A typed name has no control characters. */
const verifiedMark = "\u0000";
export const personKey = (by: string, isVerified = false): string => (isVerified ? `${by}${verifiedMark}` : by);
/** People whose names were erased, numbered within a text: the same number in two texts says nothing. */
const erasedMark = "\u0001";
export const isErasedPerson = (key: string): boolean => key.endsWith(erasedMark);
export const personOfKey = (key: string): { readonly by: string; readonly isVerified: boolean } =>
  key.endsWith(verifiedMark)
    ? { by: key.slice(0, -1), isVerified: true }
    : { by: isErasedPerson(key) ? "(erased)" : key, isVerified: false };

/** The newest value of each person (`personKey`), by text, as keys; a null takes theirs back. Decisions are not votes. */
export function newestVotes(votes: readonly Vote[]): Map<string, Map<string, string>> {
  const by = new Map<string, Map<string, string>>();
  for (const { id, by: name, isVerified, label, adjudicated, erased = 0 } of votes) {
    if (adjudicated) continue;
    if (erased > 0 && label !== null) {
      const own = by.get(id) ?? new Map<string, string>();
      for (let i = 0; i < erased; i++) own.set(`${own.size}${erasedMark}`, valueKey(label));
      by.set(id, own);
      continue;
    }
    const person = personKey(name, isVerified);
    const own = by.get(id) ?? new Map<string, string>();
    if (label === null) own.delete(person);
    else own.set(person, valueKey(label));
    by.set(id, own);
  }
  return by;
}

interface Decision {
  readonly by: string;
  readonly isVerified: boolean;
  readonly key: string;
}

/** The newest decision of each text where people differed, as keys. */
export function newestDecisions(votes: readonly Vote[]): Map<string, Decision> {
  const decided = new Map<string, Decision>();
  for (const { id, by, isVerified = false, label, adjudicated } of votes) {
    if (!adjudicated) continue;
    if (label === null) decided.delete(id);
    else decided.set(id, { by: by === "" ? "(erased)" : by, isVerified, key: valueKey(label) });
  }
  return decided;
}

/** The class that most gave; undefined where none has more than every other. */
export function majority(labels: Iterable<string>): string | undefined {
  const counts = new Map<string, number>();
  for (const l of labels) counts.set(l, (counts.get(l) ?? 0) + 1);
  const [first, second] = [...counts].sort((a, b) => b[1] - a[1]);
  return first && first[1] > (second?.[1] ?? 0) ? first[0] : undefined;
}

export interface Agreement {
  readonly kind: "Cohen" | "Fleiss" | "Krippendorff" | null;
  /** Cohen's or Fleiss' kappa; of several classes and ranges Krippendorff's alpha. Null where there is none: nothing that all labelled, or one class only. */
  readonly kappa: number | null;
  /** Texts that all of them labelled. */
  readonly items: number;
  readonly people: readonly { readonly name: string; readonly isVerified: boolean; readonly labelled: number }[];
}

/**
 * How far people agree beyond chance, on the texts that all of them labelled: Cohen's kappa of two, Fleiss' of more. Where names were erased nobody knows who
 * labelled which texts: Krippendorff's alpha then, which needs counts alone.
 */
export function agreementOf(votes: ReadonlyMap<string, ReadonlyMap<string, string>>, classes: readonly string[]): Agreement {
  if ([...votes.values()].some(own => [...own.keys()].some(isErasedPerson))) return alphaOfCounts(votes, classes);
  const counted = peopleOf(votes);
  const people = shownPeople(counted);
  const names = counted.map(p => p.key);
  const shared = [...votes.values()].filter(own => names.every(n => own.has(n)) && [...own.values()].every(l => classes.includes(l)));
  if (names.length < 2) return { kind: null, kappa: null, items: 0, people };
  const kind = names.length === 2 ? "Cohen" : "Fleiss";
  if (shared.length === 0) return { kind, kappa: null, items: 0, people };
  const of = (n: string) => shared.map(own => own.get(n)!);
  const kappa =
    names.length === 2
      ? cohenKappa(of(names[0]!), of(names[1]!))
      : fleissKappa(shared.map(own => classes.map(c => [...own.values()].filter(l => l === c).length)));
  return { kind, kappa: Number.isFinite(kappa) ? kappa : null, items: shared.length, people };
}

function alphaOfCounts(votes: ReadonlyMap<string, ReadonlyMap<string, string>>, classes: readonly string[]): Agreement {
  const shared = [...votes.values()].map(own => [...own.values()].filter(key => classes.includes(key))).filter(keys => keys.length > 1);
  const counts = shared.map(keys => classes.map(c => keys.filter(key => key === c).length));
  const alpha = counts.length === 0 ? Number.NaN : krippendorffAlpha(counts);
  return {
    kind: "Krippendorff",
    kappa: Number.isFinite(alpha) ? alpha : null,
    items: shared.length,
    people: shownPeople(peopleOf(votes)),
  };
}

/** Who gave what, and how many texts by each; erased names are nobody. */
function peopleOf(votes: ReadonlyMap<string, ReadonlyMap<string, string>>): { readonly key: string; readonly labelled: number }[] {
  const counts = new Map<string, number>();
  for (const own of votes.values())
    for (const person of own.keys()) if (!isErasedPerson(person)) counts.set(person, (counts.get(person) ?? 0) + 1);
  return [...counts].map(([key, labelled]) => ({ key, labelled })).sort((a, b) => (a.key < b.key ? -1 : 1));
}

const shownPeople = (counted: ReturnType<typeof peopleOf>): Agreement["people"] =>
  counted.map(({ key, labelled }) => {
    const { by, isVerified } = personOfKey(key);
    return { name: by, isVerified, labelled };
  });

/** Items [no, yes] of a text with several classes: one for each class. */
const classItems = (given: readonly string[], classes: readonly string[]): { counts: number[]; weight: number }[] => {
  const chosen = given.map(key => new Set(valuesOfKey(key)));
  return classes.map(c => {
    const yes = chosen.filter(own => own.has(c)).length;
    return { counts: [given.length - yes, yes], weight: 1 };
  });
};

/** Items [no, yes] of a text with ranges: for each class every character, those between two boundaries at once. */
function characterItems(given: readonly string[], classes: readonly string[], length: number): { counts: number[]; weight: number }[] {
  const spans = given.map(key => valuesOfKey(key).filter(v => typeof v !== "string"));
  const all = spans.flat();
  const edges = [...new Set([0, length, ...all.map(([start]) => start), ...all.map(([, end]) => end)])]
    .filter(e => e <= length)
    .sort((a, b) => a - b);
  return edges.slice(1).flatMap((end, i) => {
    const start = edges[i]!;
    return classes.map(c => {
      const yes = spans.filter(own => own.some(([from, to, label]) => label === c && from <= start && to >= end)).length;
      return { counts: [given.length - yes, yes], weight: end - start };
    });
  });
}

/**
 * Krippendorff's alpha of several classes or of ranges, over yes and no of every class; of ranges over every character, so that a boundary that is off by one
 * costs little. Texts that one person labelled say nothing. `lengthOf`: characters of a text; undefined for several classes.
 */
export function alphaOf(
  votes: ReadonlyMap<string, ReadonlyMap<string, string>>,
  classes: readonly string[],
  lengthOf?: (id: string) => number,
): Agreement {
  const people = shownPeople(peopleOf(votes));
  const shared = [...votes].filter(([, own]) => own.size > 1);
  if (people.length < 2 && shared.length === 0) return { kind: null, kappa: null, items: 0, people };
  const items = shared.flatMap(([id, own]) => {
    const given = [...own.values()];
    return lengthOf ? characterItems(given, classes, lengthOf(id)) : classItems(given, classes);
  });
  const alpha =
    items.length === 0
      ? Number.NaN
      : krippendorffAlpha(
          items.map(i => i.counts),
          items.map(i => i.weight),
        );
  return { kind: "Krippendorff", kappa: Number.isFinite(alpha) ? alpha : null, items: shared.length, people };
}
