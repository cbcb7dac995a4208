/**
 * Documents as labelled texts: train and validation parts of the train side, whole groups to one part, and the test part, which is the held-out
 * side. Refuses what would make a score worth nothing: one class, classes that are one but for their spelling, too few texts, texts that say
 * their class, near-duplicates on both sides.
 */
import { createHash } from "node:crypto";
import { formatCount } from "../../base/index.ts";
import { type Document, type DocumentAttributes, documentsOf, type SplitSide, selecting, setsApart } from "../../data/index.ts";
import type { ArtifactReader } from "../../store/index.ts";
import { tuneErrors } from "../errors.ts";
import { dividedByOwn } from "../own-parts.ts";
import type { LabelOptions } from "./options.ts";

export interface LabelledExample {
  readonly id: string;
  readonly text: string;
  /** Index into the classes. */
  readonly label: number;
  /** What belongs together: the near-duplicates that it is one of, or itself. */
  readonly group: string;
  /** It was made of another document. */
  readonly isMade: boolean;
}
/** With what slices are made of, and what may give its class away. */
export interface DescribedExample extends LabelledExample {
  readonly attributes: DocumentAttributes;
}
export interface Examples {
  /** Sorted by code units. */
  readonly classes: readonly string[];
  readonly train: readonly DescribedExample[];
  readonly validation: readonly DescribedExample[];
  /** Documents without a class, or of a class that is not among those asked for. */
  readonly leftOut: number;
}

const maxClasses = 1000;
/** Least texts of a class in each part. */
const least = { train: 2, validation: 1, test: 1 } as const;

/** Where a group stands among all that could be: 0 to 2^32. */
const rankOf = (group: string, seed: LabelOptions["seed"]): number =>
  createHash("sha256").update(`${seed}/validation/${group}`).digest().readUInt32BE(0);

/** How a validation part is drawn. */
interface DrawnPart {
  /** Share of the groups. */
  readonly validation: number;
  readonly seed: LabelOptions["seed"];
}

/** Is a group of the validation part? The same answer whatever other groups there are. */
export const isValidation = (group: string, { validation, seed }: DrawnPart): boolean => rankOf(group, seed) < validation * 2 ** 32;

/** What decides whether a text selects. */
interface Selectable {
  readonly group: string;
  readonly label: string | number;
  readonly isMade: boolean;
}

/**
 * The groups that select: those of `isValidation`, and of a class that would have no text among them the group of the least hash, if enough of the
 * class is left to train on. A rare class is so chosen by too.
 */
export function selectingGroups(texts: readonly Selectable[], o: DrawnPart): ReadonlySet<string> {
  const selecting = new Set(texts.flatMap(t => (isValidation(t.group, o) ? [t.group] : [])));
  const byClass = new Map<string | number, Selectable[]>();
  for (const t of texts) {
    const own = byClass.get(t.label);
    if (own) own.push(t);
    else byClass.set(t.label, [t]);
  }
  for (const [, own] of [...byClass].sort(([, a], [, b]) => a.length - b.length)) {
    if (own.some(t => !t.isMade && selecting.has(t.group))) continue;
    const given = new Set(own.flatMap(t => (t.isMade ? [] : [t.group])));
    const first = [...given]
      .sort((a, b) => rankOf(a, o.seed) - rankOf(b, o.seed))
      .find(group => own.filter(t => t.group !== group && !selecting.has(t.group)).length >= least.train);
    if (first !== undefined) selecting.add(first);
  }
  return selecting;
}

const plain = (label: string): string => label.trim().replace(/\s+/g, " ").toLowerCase();
const quoted = (names: readonly (readonly [string, number])[]): string =>
  names.map(([name, count]) => `${JSON.stringify(name)} (${formatCount(count)})`).join(", ");

/** What an attribute's value says: one class, or none. Errors: tune/labels for what is no class. */
function labelIn(d: Document, attribute: string): string | undefined {
  const value = d.attributes[attribute];
  if (value === undefined || value === null || value === "") return undefined;
  if (typeof value === "string") return value;
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  throw tuneErrors.fail("labels", {
    place: `${d.id}: ${attribute}`,
    expected: "one class, a text or a number",
    received: `a list of ${value.length}`,
  });
}

/** The class of a document by its name; undefined where it has none, or none that is asked for. Errors: tune/labels for what is no class. */
export function classReader({ label, classes }: Pick<LabelOptions, "label" | "classes">): (d: Document) => string | undefined {
  const named = classes && new Map(Object.entries(classes).flatMap(([name, values]) => [values].flat().map(v => [v, name] as const)));
  return d => {
    const value = labelIn(d, label);
    return value === undefined || !named ? value : named.get(value);
  };
}

interface Read {
  readonly document: Document;
  readonly label: string;
}

/** Documents of a side with their classes by name. */
async function readSide(
  documents: ArtifactReader,
  side: SplitSide | typeof selecting,
  o: LabelOptions,
): Promise<{ readonly read: Read[]; readonly leftOut: number }> {
  const classIn = classReader(o);
  const read: Read[] = [];
  const seen = new Set<string>();
  let leftOut = 0;
  for await (const document of documentsOf(documents, side)) {
    for (const attribute of Object.keys(document.attributes)) if (seen.size < 1000) seen.add(attribute);
    const label = classIn(document);
    if (label === undefined) {
      leftOut++;
      continue;
    }
    if (document.text.trim() === "")
      throw tuneErrors.fail("labels", {
        place: `${documents.id}/${side}: ${document.id}`,
        expected: "a text",
        received: "nothing but white space",
        hint: "Add the step `length: { minWords: 1 }` to the data set.",
      });
    read.push({ document, label });
  }
  if (read.length === 0)
    throw tuneErrors.fail("labels", {
      place: `${documents.id}/${side}: ${o.label}`,
      expected: "documents with this attribute",
      received:
        leftOut === 0 ? "no documents" : `${formatCount(leftOut)} without; they have ${[...seen].sort().join(", ") || "no attributes"}`,
      hint: "Name the attribute with label:, or let the source's reader set it (labels:).",
    });
  return { read, leftOut };
}

function countsOf(read: readonly Read[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { label } of read) counts.set(label, (counts.get(label) ?? 0) + 1);
  return counts;
}

/** Classes that a hint writes out. */
const mostShown = 30;

/** All classes with the values that mean them, to be pasted into the recipe: each under its commonest spelling. */
function classesToWrite(spellings: Iterable<readonly (readonly [string, number])[]>): string {
  const all = [...spellings].map(alike => {
    const name = [...alike]
      .sort(([, a], [, b]) => b - a)[0]![0]
      .trim()
      .replace(/\s+/g, " ");
    return `${JSON.stringify(name)}: [${alike.map(([n]) => JSON.stringify(n)).join(", ")}]`;
  });
  return `classes: { ${all.slice(0, mostShown).join(", ")}${all.length > mostShown ? ", ..." : ""} }`;
}

/** Classes by their code units. Errors: tune/labels. */
function checkedClasses(counts: ReadonlyMap<string, number>, label: string, place: string): string[] {
  const byPlain = new Map<string, [string, number][]>();
  for (const [name, count] of counts) byPlain.set(plain(name), [...(byPlain.get(plain(name)) ?? []), [name, count]]);
  for (const alike of byPlain.values()) {
    const [name] = alike[0]!;
    if (alike.length > 1 || name !== name.trim())
      throw tuneErrors.fail("labels", {
        place,
        expected: alike.length > 1 ? "classes that differ in more than case and spaces" : "classes without spaces around them",
        received: quoted(alike),
        hint: `Say which values mean a class: ${classesToWrite(byPlain.values())}; or let the source write them one way: attributes: { ${JSON.stringify(label)}: { field: ${JSON.stringify(label)}, case: lower } }`,
      });
  }
  if (counts.size < 2) throw tuneErrors.fail("labels", { place, expected: "two classes or more", received: `one: ${quoted([...counts])}` });
  if (counts.size > maxClasses)
    throw tuneErrors.fail("labels", {
      place,
      expected: `at most ${formatCount(maxClasses)} classes`,
      received: formatCount(counts.size),
      hint: "Is it the attribute that holds the class?",
    });
  return [...counts.keys()].sort((a, b) => (a < b ? -1 : 1));
}

const countsIn = (classes: readonly string[], examples: readonly LabelledExample[]): number[] => {
  const counts = new Array<number>(classes.length).fill(0);
  for (const e of examples) counts[e.label]!++;
  return counts;
};

function checkCounts(
  part: keyof typeof least,
  classes: readonly string[],
  examples: readonly LabelledExample[],
  label: string,
  place: string,
): void {
  const counts = countsIn(classes, examples).map((n, c) => [classes[c]!, n] as const);
  const few = counts.filter(([, n]) => n < least[part]);
  if (few.length > 0)
    throw tuneErrors.fail("labels", {
      place: `${place}: ${part} part`,
      expected: `at least ${least[part]} ${least[part] === 1 ? "text" : "texts"} of every class`,
      received: `${quoted(few.slice(0, 5))}${few.length > 5 ? ` and ${few.length - 5} more classes` : ""} of ${formatCount(examples.length)} texts`,
      hint:
        part === "test"
          ? `Give more texts, hold out a share of each class (split: { stratify: ${JSON.stringify(label)} }), or leave a class out (classes:).`
          : "Give more texts, or leave a class out (classes:).",
    });
}

const wordsOf = (text: string): string[] => text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
/** Texts that are looked at for the names of classes, evenly spaced: enough to see what nine of ten texts say. */
const mostLookedAt = 20_000;

/** Classes that a text names, as words of their own. `names` are the classes' own words, joined by spaces. */
function* namedIn(text: string, names: ReadonlyMap<string, number>, longest: number): Generator<number> {
  const words = wordsOf(text);
  const found = new Set<number>();
  for (let i = 0; i < words.length; i++)
    for (let n = 1; n <= longest && i + n <= words.length; n++) {
      const c = names.get(n === 1 ? words[i]! : words.slice(i, i + n).join(" "));
      if (c !== undefined) found.add(c);
    }
  yield* found;
}

/**
 * A class that its texts name and the others do not would be read off, not learnt: in nine of ten of its texts, as a word of its own, and in hardly
 * any other. (Texts about refunds do say "refund"; a column that stands in the text says it nearly always.)
 */
function checkNames(classes: readonly string[], examples: readonly LabelledExample[], place: string): void {
  const names = new Map(classes.map((name, c) => [wordsOf(name).join(" "), c] as const).filter(([name]) => name.length > 1));
  const longest = Math.max(0, ...[...names.keys()].map(name => name.split(" ").length));
  const step = Math.ceil(examples.length / mostLookedAt);
  const looked = examples.filter((_, i) => i % step === 0);
  const counts = countsIn(classes, looked);
  const [own, others] = [new Array<number>(classes.length).fill(0), new Array<number>(classes.length).fill(0)];
  const first = new Map<number, string>();
  for (const e of looked)
    for (const c of namedIn(e.text, names, longest)) {
      if (c !== e.label) others[c]!++;
      else {
        own[c]!++;
        if (!first.has(c)) first.set(c, e.id);
      }
    }
  for (const [c, name] of classes.entries()) {
    if (own[c]! < 5 || own[c]! < 0.9 * counts[c]! || others[c]! > (looked.length - counts[c]!) / 20) continue;
    throw tuneErrors.fail("labels", {
      place: `${place}: ${first.get(c)}`,
      expected: "texts that do not say their class",
      received: `"${name}" in ${formatCount(own[c]!)} of its ${formatCount(counts[c]!)} texts and hardly any other`,
      hint: "Remove it from the text, or say allowNamed: true where that is the task.",
    });
  }
}

export function checkCrossing(documents: ArtifactReader, o: Pick<LabelOptions, "allowCrossing">): void {
  const crossing = Number(documents.summary.crossing ?? 0);
  if (crossing > 0 && !o.allowCrossing)
    throw tuneErrors.fail("labels", {
      place: documents.id,
      expected: "near-duplicates on one side of the split",
      received: `${formatCount(crossing)} documents with one on the other side`,
      hint: "Split the data set by near-duplicate, or say allowCrossing: true.",
    });
}

const exampleOf = ({ document: d, label }: Read, classOf: ReadonlyMap<string, number>): DescribedExample => ({
  id: d.id,
  text: d.text,
  label: classOf.get(label)!,
  group: String(d.attributes.cluster ?? d.attributes.augmentedFrom ?? d.id),
  isMade: d.attributes.augmentedFrom !== undefined,
  attributes: d.attributes,
});

/** A class that is asked for and has no text is a slip of the pen, and its texts would be left out with a number. Errors: tune/labels. */
function checkPresent({ classes = {} }: LabelOptions, counts: ReadonlyMap<string, number>, place: string): void {
  const [absent, values = []] = Object.entries(classes).find(([name]) => !counts.has(name)) ?? [];
  if (absent === undefined) return;
  throw tuneErrors.fail("labels", {
    place,
    expected: `texts of the class ${JSON.stringify(absent)}`,
    received: `none whose value is ${[values]
      .flat()
      .map(v => JSON.stringify(v))
      .join(" or ")}`,
    hint: "Write its values under classes: as the documents have them, or leave the class out.",
  });
}

/** Texts of classes that the train side has. Errors: tune/labels for another one. */
function known(read: readonly Read[], classOf: ReadonlyMap<string, number>, place: string): readonly Read[] {
  const unknown = read.find(r => !classOf.has(r.label));
  if (unknown)
    throw tuneErrors.fail("labels", {
      place: `${place}: ${unknown.document.id}`,
      expected: `a class of the train side: ${[...classOf.keys()].slice(0, 20).join(", ")}`,
      received: JSON.stringify(unknown.label),
    });
  return read;
}

/** The train side in its two parts: groups are drawn, unless the options name the documents that select. */
function divided(all: readonly DescribedExample[], o: LabelOptions, place: string): Pick<Examples, "train" | "validation"> {
  const { validation, seed } = o;
  if (typeof validation !== "number") return dividedByOwn(all, { validation, allowCrossing: o.allowCrossing }, { place, code: "labels" });
  const chosen = selectingGroups(all, { validation, seed });
  return { train: all.filter(e => !chosen.has(e.group)), validation: all.filter(e => chosen.has(e.group) && !e.isMade) };
}

interface TrainSide {
  readonly classes: readonly string[];
  readonly all: readonly DescribedExample[];
  /** What selects, where the artifact sets it apart. */
  readonly apart?: readonly DescribedExample[];
  readonly leftOut: number;
}

async function readTrainSide(documents: ArtifactReader, o: LabelOptions, place: string): Promise<TrainSide> {
  checkCrossing(documents, o);
  const { read, leftOut } = await readSide(documents, "train", o);
  const counts = countsOf(read);
  checkPresent(o, counts, place);
  const classes = checkedClasses(counts, o.label, place);
  const classOf = new Map(classes.map((name, c) => [name, c]));
  const all = read.map(r => exampleOf(r, classOf));
  if (!setsApart(documents)) return { classes, all, leftOut };
  const apart = known((await readSide(documents, selecting, o)).read, classOf, `${documents.id}/${selecting}: ${o.label}`);
  return { classes, all, apart: apart.map(r => exampleOf(r, classOf)), leftOut };
}

/** The train side, divided: by groups, unless what selects stands apart. Errors: tune/labels, with the document or class that is wrong. */
export async function readExamples(documents: ArtifactReader, o: LabelOptions): Promise<Examples> {
  const place = `${documents.id}: ${o.label}`;
  const { classes, all, apart, leftOut } = await readTrainSide(documents, o, place);
  const { train, validation } = apart ? { train: all, validation: apart } : divided(all, o, documents.id);
  checkCounts("train", classes, train, o.label, place);
  checkCounts("validation", classes, validation, o.label, place);
  if (!o.allowNamed) checkNames(classes, train, place);
  return { classes, train, validation, leftOut };
}

/** All texts of the train side, those that select included, with the ids of the latter. Errors: those of `readExamples`. */
export async function readUndivided(
  documents: ArtifactReader,
  o: LabelOptions,
): Promise<{ readonly classes: readonly string[]; readonly all: readonly DescribedExample[]; readonly validation: readonly string[] }> {
  const { classes, all, apart = [] } = await readTrainSide(documents, o, `${documents.id}: ${o.label}`);
  return { classes, all: [...all, ...apart], validation: (await readExamples(documents, o)).validation.map(e => e.id) };
}

/** The test part: what nothing has been chosen by. Errors: tune/labels, also for a class that the train side lacks. */
export async function readTest(documents: ArtifactReader, o: LabelOptions, classes: readonly string[]): Promise<DescribedExample[]> {
  const { read } = await readSide(documents, "held-out", o);
  const place = `${documents.id}/held-out: ${o.label}`;
  const classOf = new Map(classes.map((name, c) => [name, c]));
  const test = known(read, classOf, place).map(r => exampleOf(r, classOf));
  checkCounts("test", classes, test, o.label, place);
  return test;
}
