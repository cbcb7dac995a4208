/**
 * A user's own parts, for every kind of tuning: records whose attribute has a value select (`validation: { split: dev }`), others are held out
 * (`heldOut: { split: test }`), the rest trains. Near-duplicates across parts are refused, unless they may cross. What was made of a record that selects or is
 * held out bears its value and trains nothing either.
 */
import { formatCount } from "../base/index.ts";
import {
  type Document,
  type OwnPartOptions,
  ownPart,
  ownPartCounter,
  ownPartProblem,
  splitDocuments,
  splitOptions,
} from "../data/index.ts";
import { tuneErrors } from "./errors.ts";

interface PartRecord {
  /** Of near-duplicates. */
  readonly group: string;
  /** It was made of another record. */
  readonly isMade: boolean;
  readonly attributes: Readonly<Record<string, unknown>>;
}

export interface OwnParts {
  readonly validation?: OwnPartOptions | undefined;
  /** Of a file; a data set's own split holds out. */
  readonly heldOut?: OwnPartOptions | undefined;
  readonly allowCrossing: boolean;
}

interface DividedByOwn<T> {
  readonly train: readonly T[];
  readonly validation: readonly T[];
  readonly heldOut: readonly T[];
}

/** Who asks: what is divided, and the code of complaints. */
interface OwnPartsPlace {
  readonly place: string;
  readonly code: "labels" | "example";
}

/**
 * Records divided by what they say of themselves. Errors (tune/labels or tune/example): an attribute or value that no record has, a record of both parts,
 * nothing left to train on, near-duplicates across parts.
 */
export function dividedByOwn<T extends PartRecord>(
  all: readonly T[],
  { validation, heldOut, allowCrossing }: OwnParts,
  { place, code }: OwnPartsPlace,
): DividedByOwn<T> {
  const fail = (part: string, problem: { readonly expected: string; readonly received: string; readonly hint?: string }) =>
    tuneErrors.fail(code, { place: `${place}: ${part}`, ...problem });
  const partOf = (name: string, options: OwnPartOptions | undefined) => {
    if (options === undefined) return undefined;
    const own = ownPart(options);
    const { add, counts } = ownPartCounter(own);
    for (const { attributes } of all) add(attributes);
    const problem = ownPartProblem(own, counts);
    if (problem) throw fail(name, problem);
    return own;
  };
  const [selects, tests] = [partOf("validation", validation), partOf("heldOut", heldOut)];
  const both = all.filter(r => selects?.has(r.attributes) && tests?.has(r.attributes)).length;
  if (both > 0) throw fail("heldOut", { expected: "records of one part", received: `${formatCount(both)} of validation too` });
  const train = all.filter(r => !selects?.has(r.attributes) && !tests?.has(r.attributes));
  if (train.length === 0)
    throw fail("validation", { expected: "records to train on beside both parts", received: `none of ${formatCount(all.length)}` });
  const ofPart = (part: typeof selects) => all.filter(r => !r.isMade && part?.has(r.attributes));
  const parts = { train, validation: ofPart(selects), heldOut: ofPart(tests) };
  if (allowCrossing) return parts;
  const refuse = (name: "validation" | "heldOut", others: readonly T[], like: string): void => {
    const groups = new Set(others.map(r => r.group));
    const crossing = parts[name].filter(r => groups.has(r.group)).length;
    if (crossing === 0) return;
    const drawn = name === "validation" ? "Draw the validation part by a share (validation: 0.1)" : "Take them out of one of the parts";
    throw fail(name, {
      expected: "near-duplicates in one part",
      received: `${formatCount(crossing)} ${name === "validation" ? "validation" : "held-out"} records with one that ${like}`,
      hint: `${drawn}, or say allowCrossing: true.`,
    });
  };
  refuse("validation", train, "trains");
  refuse("heldOut", train, "trains");
  refuse("heldOut", parts.validation, "selects");
  return parts;
}

/** The group of near-duplicates of each text, as the split of a data set finds them; for files, whose records no split has grouped. */
export async function nearDuplicateGroups(texts: readonly string[]): Promise<string[]> {
  const all = texts.map((text, i): Document => ({ id: String(i), text, source: "", attributes: { side: "theirs" } }));
  // groups are found within a side, and a split has two: the other one is an empty text
  const none: Document = { id: "none", text: "", source: "", attributes: { side: "none" } };
  const options = splitOptions.parse({ heldOut: { side: "none" }, by: "near-duplicate" });
  const { clusters } = all.length < 2 ? { clusters: new Map<string, string>() } : await splitDocuments([...all, none], options);
  return all.map(d => clusters.get(d.id) ?? d.id);
}
