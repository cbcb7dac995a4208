/**
 * What in the data of a classifier could make its scores mean less than they say: a word that gives a class away, the class's name in its texts, copies
 * with other labels, and attribute values that stand on both sides of the split and decide the class. Named, not repaired: which of them is a leak only
 * the user knows. A function of texts, labels and the ledger; no model.
 */
import { formatCount } from "../../base/index.ts";
import { type Document, type DocumentAttributes, type LedgerEntry, ledgerLines } from "../../data/index.ts";
import type { ArtifactReader } from "../../store/index.ts";
import type { DescribedExample, LabelledExample } from "./examples.ts";

export const warningKinds = ["telling word", "label in text", "conflicting copies", "shared value"] as const;
export interface DataWarning {
  readonly kind: (typeof warningKinds)[number];
  /** The word, the class, or the attribute. */
  readonly about: string;
  /** One sentence for people, with the figures. */
  readonly message: string;
}

const wordsOf = (text: string): string[] => text.toLowerCase().match(/[\p{L}\p{N}_]+/gu) ?? [];
const percent = (share: number): string => `${(100 * share).toFixed(share > 0 && share < 0.1 ? 1 : 0)} %`;
const quoted = (text: string): string => JSON.stringify(text.slice(0, 60));

/** Texts of a class that count: of fewer a word stands in all of them by chance. */
const leastTexts = 20;
/** Share of a class's texts that a telling word stands in, and of all others at most. */
const telling = { own: 0.9, others: 0.01 } as const;
/** The same of a class's own name. */
const naming = { own: 0.5, others: 0.05 } as const;
/** Telling words that are named. */
const mostNamed = 3;

interface WordCounts {
  /** Texts of each class. */
  readonly texts: readonly number[];
  /** Of a word, texts of each class that it stands in. */
  readonly words: ReadonlyMap<string, Int32Array>;
}

function wordCounts(classes: readonly string[], examples: readonly LabelledExample[]): WordCounts {
  const texts = classes.map(() => 0);
  const words = new Map<string, Int32Array>();
  for (const e of examples) {
    texts[e.label]!++;
    for (const word of new Set(wordsOf(e.text))) {
      let counts = words.get(word);
      if (!counts) {
        counts = new Int32Array(classes.length);
        words.set(word, counts);
      }
      counts[e.label]!++;
    }
  }
  return { texts, words };
}

/** In which share of a class's texts something stands, and of all others'. */
function shares(counts: ArrayLike<number>, texts: readonly number[], c: number): { readonly own: number; readonly others: number } {
  const all = texts.reduce((a, b) => a + b, 0);
  const stands = Array.from(counts).reduce((a, b) => a + b, 0);
  return { own: counts[c]! / texts[c]!, others: all === texts[c] ? 1 : (stands - counts[c]!) / (all - texts[c]!) };
}

/** Words that stand in nearly every text of a class and in hardly any other. */
function tellingWords(classes: readonly string[], { texts, words }: WordCounts): DataWarning[] {
  return classes.flatMap((name, c) => {
    if (texts[c]! < leastTexts) return [];
    const found = [...words].flatMap(([word, counts]) => {
      const s = shares(counts, texts, c);
      return s.own >= telling.own && s.others <= telling.others ? [{ word, ...s }] : [];
    });
    const [first, ...more] = found.sort((a, b) => b.own - b.others - (a.own - a.others) || (a.word < b.word ? -1 : 1));
    if (!first) return [];
    const others = more.slice(0, mostNamed - 1).map(w => quoted(w.word));
    return [
      {
        kind: "telling word",
        about: first.word,
        message: `The word ${quoted(first.word)} is in ${percent(first.own)} of the texts of ${quoted(name)} and in ${percent(first.others)} of the others${others.length > 0 ? ` (also ${others.join(", ")})` : ""}: it alone decides the class. If it would not be there in use, remove it from the texts.`,
      },
    ];
  });
}

/** Classes whose names stand in many of their own texts and in few others. */
function namedClasses(classes: readonly string[], { texts }: WordCounts, examples: readonly LabelledExample[]): DataWarning[] {
  const plain = examples.map(e => ({ label: e.label, text: ` ${wordsOf(e.text).join(" ")} ` }));
  return classes.flatMap((name, c) => {
    const words = wordsOf(name).join(" ");
    if (words.length < 2 || texts[c]! < leastTexts) return [];
    const counts = classes.map(() => 0);
    for (const e of plain) if (e.text.includes(` ${words} `)) counts[e.label]!++;
    const { own, others } = shares(counts, texts, c);
    if (own < naming.own || others > naming.others) return [];
    const message = `The class's own name ${quoted(name)} is in ${percent(own)} of its texts and in ${percent(others)} of the others: the label may have been copied into the text.`;
    return [{ kind: "label in text", about: name, message }];
  });
}

/** A dropped document and the one that stays in its place. */
export interface DroppedCopy {
  readonly id: string;
  readonly survivor: string;
  /** The dropped one's class by its name; undefined where it has none. */
  readonly label: string | undefined;
}

/** Copies that deduplication dropped, with their classes. */
export async function droppedCopies(documents: ArtifactReader, classIn: (d: Document) => string | undefined): Promise<DroppedCopy[]> {
  const has = (name: string): boolean => documents.files.some(f => f.name === name);
  if (!has("ledger.jsonl") || !has("dropped.jsonl")) return [];
  const survivors = new Map<string, string>();
  for await (const line of ledgerLines(documents, "ledger.jsonl")) {
    if (!line.includes('"survivor":')) continue;
    const { action, document, survivor } = JSON.parse(line) as LedgerEntry;
    if (action === "drop" && survivor !== undefined) survivors.set(document, survivor);
  }
  const copies: DroppedCopy[] = [];
  if (survivors.size === 0) return copies;
  for await (const line of ledgerLines(documents, "dropped.jsonl")) {
    const document = JSON.parse(line) as Document;
    const survivor = survivors.get(document.id);
    if (survivor !== undefined) copies.push({ id: document.id, survivor, label: classIn(document) });
  }
  return copies;
}

/** Copies, and groups of near-duplicates, whose texts have different labels. */
function conflicts(classes: readonly string[], examples: readonly LabelledExample[], dropped: readonly DroppedCopy[]): DataWarning[] {
  const label = new Map(examples.map(e => [e.id, classes[e.label]!]));
  const gone = dropped.filter(d => d.label !== undefined && label.has(d.survivor) && label.get(d.survivor) !== d.label);
  const groups = new Map<string, Set<number>>();
  for (const e of examples) groups.set(e.group, (groups.get(e.group) ?? new Set()).add(e.label));
  const mixed = [...groups].filter(([, labels]) => labels.size > 1);
  const found: DataWarning[] = [];
  const [first] = gone;
  if (first)
    found.push({
      kind: "conflicting copies",
      about: first.id,
      message: `${formatCount(gone.length)} ${gone.length === 1 ? "document was" : "documents were"} dropped as a copy of one with another label (${first.id}: ${quoted(first.label!)}, kept ${first.survivor}: ${quoted(label.get(first.survivor)!)}): the label that was kept is not certain.`,
    });
  const [group] = mixed;
  if (group)
    found.push({
      kind: "conflicting copies",
      about: group[0],
      message: `${formatCount(mixed.length)} ${mixed.length === 1 ? "group" : "groups"} of near-duplicates ${mixed.length === 1 ? "has" : "have"} texts of different labels (group ${group[0]}): ${[...group[1]].map(c => quoted(classes[c]!)).join(", ")}.`,
    });
  return found;
}

/** Least share of test texts whose value of an attribute is known from training, and how surely it tells their class. */
const shared = { texts: 0.2, least: 20, agreement: 0.9, gain: 0.5 } as const;

type Described = Pick<LabelledExample, "label"> & { readonly attributes: DocumentAttributes };
/** Fractions are measures of a text, not names of where it came from. */
const keyIn = (a: DocumentAttributes[string] | undefined): string | undefined =>
  typeof a === "string" || Number.isInteger(a) ? String(a) : undefined;

/** Attributes that name what texts were taken from (a document, a thread, an author), with values on both sides that tell the class. */
function sharedValues(
  classes: readonly string[],
  train: readonly Described[],
  test: readonly Described[],
  ignored: ReadonlySet<string>,
): DataWarning[] {
  const names = new Set(test.flatMap(e => Object.keys(e.attributes)).filter(name => !ignored.has(name)));
  const largest = Math.max(...classes.map((_, c) => test.filter(e => e.label === c).length)) / test.length;
  return [...names].sort().flatMap(name => {
    const counts = new Map<string, Int32Array>();
    for (const e of train) {
      const value = keyIn(e.attributes[name]);
      if (value === undefined) continue;
      const own = counts.get(value) ?? new Int32Array(classes.length);
      own[e.label]!++;
      counts.set(value, own);
    }
    // few values are kinds of texts, not sources of them
    if (counts.size < Math.max(shared.least, 2 * classes.length)) return [];
    const known = test.filter(e => counts.has(keyIn(e.attributes[name]) ?? ""));
    if (known.length < shared.least || known.length < shared.texts * test.length) return [];
    const right = known.filter(e => {
      const own = counts.get(keyIn(e.attributes[name])!)!;
      return own[e.label] === Math.max(...own);
    }).length;
    const agreement = right / known.length;
    // better than the commonest class by half of what is left to gain
    if (agreement < shared.agreement || agreement - largest < shared.gain * (1 - largest)) return [];
    const message = `${percent(known.length / test.length)} of the test texts share their value of ${quoted(name)} with training texts, and the value alone tells the class of ${percent(agreement)} of them. Keep each value on one side: split: { together: [${JSON.stringify(name)}] }.`;
    return [{ kind: "shared value", about: name, message }];
  });
}

export interface WarningMaterial {
  readonly classes: readonly string[];
  /** Train and validation parts. */
  readonly train: readonly DescribedExample[];
  readonly test: readonly DescribedExample[];
  readonly dropped: readonly DroppedCopy[];
  /** Attributes that are the class, or made of the text. */
  readonly ignored: readonly string[];
  /** Class names in texts are the task. */
  readonly allowNamed: boolean;
}

/** In the order of `warningKinds`. */
export function dataWarnings({ classes, train, test, dropped, ignored, allowNamed }: WarningMaterial): DataWarning[] {
  const all = [...train, ...test];
  const counts = wordCounts(classes, all);
  const named = allowNamed ? [] : namedClasses(classes, counts, all);
  return [
    ...tellingWords(classes, counts),
    ...named,
    ...conflicts(classes, all, dropped),
    ...sharedValues(classes, train, test, new Set(ignored)),
  ];
}
