/**
 * Documents and the numbers that they bear: what trains, what selects, what the report is made on. Groups of near-duplicates stay together; a group's part
 * follows from its own hash, so new texts move no old ones. Wrong numbers are refused with the document that has them.
 */
import { defined, formatCount, isLoamError, type LoamError } from "../../base/index.ts";
import { type Document, type DocumentAttributes, documentsOf, type SplitSide, selecting, setsApart } from "../../data/index.ts";
import type { ArtifactReader } from "../../store/index.ts";
import { checkCrossing, isValidation } from "../classify/examples.ts";
import { tuneErrors } from "../errors.ts";
import { dividedByOwn } from "../own-parts.ts";
import type { Half } from "../study/halves.ts";
import type { TargetOptions } from "./options.ts";

export interface MeasuredText {
  readonly id: string;
  readonly text: string;
  readonly value: number;
  readonly group: string;
}
interface MeasuredParts {
  readonly train: readonly MeasuredText[];
  readonly validation: readonly MeasuredText[];
  /** Documents without a number. */
  readonly leftOut: number;
}

const fail = (place: string, expected: string, received: string, hint?: string) =>
  tuneErrors.fail("labels", { place, expected, received, ...defined({ hint }) });

/** A document's number; none where it has none. Errors: tune/labels for what is no number. */
function numberOf(d: Document, label: string): number | undefined {
  const given = d.attributes[label];
  if (given === undefined || given === null || given === "") return undefined;
  const value = typeof given === "string" ? Number(given) : given;
  if (typeof value === "number" && Number.isFinite(value)) return value;
  throw fail(`${d.id}: ${label}`, "a number", JSON.stringify(given).slice(0, 60), "Classes are for task: classify.");
}

/** Least texts of a part: a spread of fewer says nothing. */
const least = 3;
/** Complaints that a message lists. */
const listed = 5;

interface ReadMeasured extends MeasuredText {
  readonly isMade: boolean;
  readonly attributes: DocumentAttributes;
}

async function readSide(
  documents: ArtifactReader,
  side: SplitSide | typeof selecting,
  label: string,
): Promise<{ read: ReadMeasured[]; leftOut: number }> {
  const read: ReadMeasured[] = [];
  const problems: LoamError[] = [];
  const seen = new Set<string>();
  let leftOut = 0;
  for await (const d of documentsOf(documents, side))
    try {
      for (const attribute of Object.keys(d.attributes)) if (seen.size < 1000) seen.add(attribute);
      const value = numberOf(d, label);
      if (value === undefined) {
        leftOut++;
        continue;
      }
      if (d.text.trim() === "") throw fail(`${documents.id}/${side}: ${d.id}`, "a text", "nothing but white space");
      const { cluster, augmentedFrom } = d.attributes;
      const group = String(cluster ?? augmentedFrom ?? d.id);
      read.push({ id: d.id, text: d.text, value, group, isMade: augmentedFrom !== undefined, attributes: d.attributes });
    } catch (error) {
      if (!isLoamError(error)) throw error;
      problems.push(error);
    }
  if (problems.length === 1) throw problems[0]!;
  if (problems.length > 1)
    throw fail(
      `${documents.id}/${side}`,
      "a number in each document",
      `${formatCount(problems.length)} without one:\n  ${problems
        .slice(0, listed)
        .map(p => p.message)
        .join("\n  ")}`,
    );
  if (read.length === 0)
    throw fail(
      `${documents.id}/${side}: ${label}`,
      "documents with this attribute",
      leftOut === 0 ? "no documents" : `${formatCount(leftOut)} without; they have ${[...seen].sort().join(", ") || "no attributes"}`,
      "Name the attribute with label:.",
    );
  return { read, leftOut };
}

function checkSpread(part: readonly MeasuredText[], name: string, place: string): void {
  if (part.length < least) throw fail(`${place}: ${name} part`, `${least} texts or more`, formatCount(part.length), "Give more texts.");
  if (name === "train" && part.every(m => m.value === part[0]!.value))
    throw fail(`${place}: ${name} part`, "numbers that differ", `${part[0]!.value} throughout`);
}

const plain = ({ isMade: _, attributes: __, ...m }: ReadMeasured): MeasuredText => m;

function divided(read: readonly ReadMeasured[], o: TargetOptions, place: string) {
  const { validation, seed } = o;
  if (typeof validation !== "number") return dividedByOwn(read, { validation, allowCrossing: o.allowCrossing }, { place, code: "labels" });
  const selects = (m: ReadMeasured) => isValidation(m.group, { validation, seed });
  return { train: read.filter(m => !selects(m)), validation: read.filter(m => selects(m) && !m.isMade) };
}

/** The train side, divided: by groups, unless what selects stands apart. Errors: tune/labels. */
export async function readMeasured(documents: ArtifactReader, o: TargetOptions): Promise<MeasuredParts> {
  checkCrossing(documents, o);
  const { read, leftOut } = await readSide(documents, "train", o.label);
  const place = `${documents.id}: ${o.label}`;
  const parts = setsApart(documents)
    ? { train: read, validation: (await readSide(documents, selecting, o.label)).read }
    : divided(read, o, documents.id);
  const [train, validation] = [parts.train.map(plain), parts.validation.map(plain)];
  checkSpread(train, "train", place);
  checkSpread(validation, "validation", place);
  return { train, validation, leftOut };
}

/** All texts of the train side, those that select included, with the ids of the latter. Errors: tune/labels. */
export async function readUndividedMeasured(
  documents: ArtifactReader,
  o: TargetOptions,
): Promise<{ readonly all: readonly (MeasuredText & { readonly isMade: boolean })[]; readonly validation: readonly string[] }> {
  const { validation } = await readMeasured(documents, o);
  const { read } = await readSide(documents, "train", o.label);
  const apart = setsApart(documents) ? (await readSide(documents, selecting, o.label)).read : [];
  return { all: [...read, ...apart].map(({ attributes: _, ...m }) => m), validation: validation.map(m => m.id) };
}

/** The test part: what nothing has been chosen by. Errors: tune/labels. */
export async function readMeasuredTest(documents: ArtifactReader, o: TargetOptions): Promise<readonly MeasuredText[]> {
  const { read } = await readSide(documents, "held-out", o.label);
  checkSpread(read, "test", `${documents.id}/held-out: ${o.label}`);
  return read.map(plain);
}

/** What judges: the part of the train side that selects, or the test part. Errors: tune/labels. */
export const readMeasuredHalf = async (documents: ArtifactReader, o: TargetOptions, half: Half): Promise<readonly MeasuredText[]> =>
  half === "test" ? readMeasuredTest(documents, o) : (await readMeasured(documents, o)).validation;
