/** Files that vectors are tuned on: what belongs together (and what does not), and pairs that people have scored. Complaints name file and line. */
import { defined, isLoamError, type LoamError } from "../../base/index.ts";
import { readTaskItems, type TaskFileItem } from "../../evaluate/index.ts";
import { isValidation } from "../classify/examples.ts";
import { tuneErrors } from "../errors.ts";
import { throwProblems } from "../instruct/read.ts";
import { dividedByOwn, nearDuplicateGroups } from "../own-parts.ts";
import type { EmbedColumns, EmbedOptions } from "./options.ts";

export interface Related {
  /** File and line. */
  readonly place: string;
  readonly anchor: string;
  readonly positive: string;
  /** Looks alike and does not belong to it. */
  readonly negative?: string;
}
export interface ScoredPair {
  readonly place: string;
  readonly first: string;
  readonly second: string;
  readonly score: number;
}

const fail = (place: string, expected: string, received: string, hint?: string) =>
  tuneErrors.fail("example", { place, expected, received, ...defined({ hint }) });
const shown = (value: unknown): string => (value === undefined ? "no such field" : JSON.stringify(value).slice(0, 60));

function text({ fields, place }: TaskFileItem, names: readonly string[]): string {
  const name = names.find(n => n in fields) ?? names[0]!;
  const value = fields[name];
  if (typeof value === "string" && value.trim() !== "") return value;
  throw fail(
    `${place}: ${name}`,
    "a text",
    shown(value),
    value === undefined ? `It has ${Object.keys(fields).slice(0, 10).join(", ")}: name the fields with columns.` : undefined,
  );
}

/** Reads every record, and throws one error for all that is wrong. */
async function readAll<T>(path: string, name: string, read: (item: TaskFileItem) => T): Promise<T[]> {
  const items = await readTaskItems(path, name);
  if (items.length === 0) throw fail(name, "a record or more", "none");
  const problems: LoamError[] = [];
  const found: T[] = [];
  for (const item of items)
    try {
      found.push(read(item));
    } catch (error) {
      if (!isLoamError(error)) throw error;
      problems.push(error);
    }
  throwProblems(problems, name);
  return found;
}

/** One record. Errors: tune/example. */
function relatedOf(item: TaskFileItem, columns: EmbedColumns): Related {
  const names = (own: string | undefined, usual: readonly string[]) => (own === undefined ? usual : [own]);
  const anchor = text(item, names(columns.anchor, ["anchor", "query"]));
  const positive = text(item, names(columns.positive, ["positive"]));
  const field = columns.negative ?? "negative";
  const given = item.fields[field];
  if (given === undefined || given === null || given === "") return { place: item.place, anchor, positive };
  const negative = text(item, [field]);
  if (plain(negative) === plain(positive)) throw fail(`${item.place}: ${field}`, "another text than the positive", "the same one");
  return { place: item.place, anchor, positive, negative };
}

/** A pair or triplet with the fields of its record. */
interface RelatedRecord {
  readonly related: Related;
  readonly fields: TaskFileItem["fields"];
}

/** Pairs and triplets with their fields, of JSON lines, a JSON list, CSV or TSV. Errors: tune/example, evaluate/data, base/file. */
export const readRelatedRecords = (path: string, name: string, columns: EmbedColumns = {}): Promise<RelatedRecord[]> =>
  readAll(path, name, item => ({ related: relatedOf(item, columns), fields: item.fields }));

/** The same without the fields. */
export const readRelated = async (path: string, name: string, columns: EmbedColumns = {}): Promise<Related[]> =>
  (await readRelatedRecords(path, name, columns)).map(r => r.related);

/** Pairs with a score, as sentence-transformers' evaluators name the fields. Errors: as `readRelated`. */
export const readScored = (path: string, name: string): Promise<ScoredPair[]> =>
  readAll(path, name, item => {
    const value = item.fields.score;
    const score = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
    if (typeof score !== "number" || !Number.isFinite(score)) throw fail(`${item.place}: score`, "a number", shown(value));
    return { place: item.place, first: text(item, ["sentence1", "first"]), second: text(item, ["sentence2", "second"]), score };
  });

const plain = (s: string): string => s.trim().replace(/\s+/g, " ").toLowerCase();

interface SplitRelated {
  readonly train: readonly Related[];
  readonly validation: readonly Related[];
  /** The user's own test part, where there is one. */
  readonly heldOut?: readonly Related[];
}
interface RelatedParts extends Pick<EmbedOptions, "validation" | "seed"> {
  readonly heldOut?: EmbedOptions["heldOut"];
  readonly allowCrossing?: boolean | undefined;
}

/** Errors: tune/example where a side has too little to tell apart. */
function checkSides({ train, validation }: SplitRelated, place: string, hint: string): void {
  const different = (side: readonly Related[]) => new Set(side.map(r => plain(r.positive))).size;
  for (const [name, side] of [
    ["to train on", train],
    ["to select by", validation],
  ] as const)
    if (different(side) < 2)
      throw fail(
        place,
        "two anchors or more with different texts on each side",
        `${side.length} ${name} of ${train.length + validation.length}`,
        hint,
      );
}

/**
 * Divides anchors by their hash: all that is said of an anchor is on one side, and new ones move no old ones. Errors: tune/example where a side
 * has too little to tell apart.
 */
export function splitRelated(
  all: readonly Related[],
  o: { readonly validation: number; readonly seed: number | string },
  place: string,
): SplitRelated {
  const held = (r: Related) => isValidation(plain(r.anchor), o);
  const parts = { train: all.filter(r => !held(r)), validation: all.filter(held) };
  checkSides(parts, place, "Give more pairs, or raise validation.");
  return parts;
}

/** Divides by parts of the user's own, or by a share. Near-duplicate anchors, and one that is said twice, belong together. Errors: also those of `dividedByOwn`. */
export async function divideRelated(all: readonly RelatedRecord[], o: RelatedParts, place: string): Promise<SplitRelated> {
  const { validation, heldOut, seed, allowCrossing = false } = o;
  const own = typeof validation === "number" ? undefined : validation;
  const byShare = (of: readonly Related[]) => splitRelated(of, { validation: Number(validation), seed }, place);
  if (!own && !heldOut) return byShare(all.map(r => r.related));
  const anchors = [...new Set(all.map(r => plain(r.related.anchor)))];
  const groups = allowCrossing ? [] : await nearDuplicateGroups(anchors);
  const groupOf = new Map(anchors.map((a, i) => [a, groups[i] ?? ""]));
  const records = all.map(({ related, fields }) => ({
    related,
    group: groupOf.get(plain(related.anchor))!,
    isMade: false,
    attributes: fields,
  }));
  const divided = dividedByOwn(records, { validation: own, heldOut, allowCrossing }, { place, code: "example" });
  const of = (part: keyof typeof divided) => divided[part].map(r => r.related);
  const parts = own ? { train: of("train"), validation: of("validation") } : byShare(of("train"));
  checkSides(parts, place, "Give more pairs of that part.");
  return heldOut ? { ...parts, heldOut: of("heldOut") } : parts;
}

/** Scored pairs of two texts that are trained on as a pair, whichever comes first: what they are told apart by was learnt. */
export function trainedAmong(scored: readonly ScoredPair[], train: readonly Related[]): number {
  const keyOf = (...pair: readonly string[]): string => JSON.stringify(pair.toSorted());
  const learnt = new Set(
    train.flatMap(({ anchor, positive, negative }) => [positive, ...(negative === undefined ? [] : [negative])].map(t => keyOf(anchor, t))),
  );
  return scored.filter(p => learnt.has(keyOf(p.first, p.second))).length;
}
