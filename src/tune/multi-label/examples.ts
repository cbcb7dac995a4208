/**
 * Documents and the labels that hold of them: what trains, what selects, what the report is made on. A label of a document holds, does not hold, or is
 * unknown (its attribute is absent): unknown ones train and judge nothing. Groups of near-duplicates stay together.
 */
import { defined, formatCount } from "../../base/index.ts";
import { type Document, type DocumentAttributes, documentsOf, type SplitSide, selecting, setsApart } from "../../data/index.ts";
import type { ArtifactReader } from "../../store/index.ts";
import { checkCrossing, selectingGroups } from "../classify/examples.ts";
import { tuneErrors } from "../errors.ts";
import { dividedByOwn } from "../own-parts.ts";
import type { Half } from "../study/halves.ts";
import type { MultiLabelTargets } from "./options.ts";

/** Of one label: it holds (1), it does not (0), or nobody says (undefined). */
export type Truth = 0 | 1 | undefined;
export interface MultiLabelText {
  readonly id: string;
  readonly text: string;
  /** One a label. */
  readonly truth: readonly Truth[];
  /** One a label: the probability that is learnt, where it is not the truth. */
  readonly targets?: readonly (number | undefined)[];
  readonly group: string;
}
interface ReadText extends MultiLabelText {
  readonly isMade: boolean;
  readonly attributes: DocumentAttributes;
}
interface MultiLabelParts {
  readonly train: readonly MultiLabelText[];
  readonly validation: readonly MultiLabelText[];
  /** Documents of which no label is known. */
  readonly leftOut: number;
}

const fail = (place: string, expected: string, received: string, hint?: string) =>
  tuneErrors.fail("labels", { place, expected, received, ...defined({ hint }) });

/** Texts of each side of a label that a part needs. */
const leastOf = { train: 2, validation: 1, test: 1 } as const;

/** What an attribute of its own says of a label. Errors: tune/labels for what is neither yes nor no. */
function truthOf(d: Document, label: string, from: number): Truth {
  const value = d.attributes[label];
  if (value === undefined || value === null || value === "") return undefined;
  if (typeof value === "boolean") return value ? 1 : 0;
  if (value === "true" || value === "false") return value === "true" ? 1 : 0;
  const number = typeof value === "string" ? Number(value) : value;
  if (typeof number === "number" && Number.isFinite(number)) return number >= from ? 1 : 0;
  throw fail(
    `${d.id}: ${label}`,
    "true, false or a number",
    JSON.stringify(value).slice(0, 60),
    "Name the attribute with a list of labels with attribute:.",
  );
}

/** What a list of labels says: each in it holds, no other does. A text is a list of one. Errors: tune/labels for a label that the recipe lacks. */
function truthsIn(d: Document, attribute: string, labels: readonly string[]): readonly Truth[] {
  const value = d.attributes[attribute];
  if (value === undefined || value === null) return labels.map(() => undefined);
  const held = typeof value === "string" ? (value === "" ? [] : [value]) : value;
  if (!Array.isArray(held)) throw fail(`${d.id}: ${attribute}`, "a list of labels", JSON.stringify(value).slice(0, 60));
  return labels.map(label => (held.includes(label) ? 1 : 0));
}

/** The probability that a label is learnt with. Errors: tune/labels for a number that is none. */
function softOf(d: Document, label: string, truth: Truth): number | undefined {
  const value = d.attributes[label];
  if (truth === undefined || typeof value === "boolean" || value === "true" || value === "false") return truth;
  const number = Number(value);
  if (number >= 0 && number <= 1) return number;
  throw fail(
    `${d.id}: ${label}`,
    "a number from 0 to 1, with soft: true",
    String(value),
    "Leave soft: out, and say the least value that holds with from:.",
  );
}

async function readSide(documents: ArtifactReader, side: SplitSide | typeof selecting, o: MultiLabelTargets) {
  const read: ReadText[] = [];
  const seen = new Set<string>();
  let leftOut = 0;
  for await (const d of documentsOf(documents, side)) {
    for (const attribute of Object.keys(d.attributes)) if (seen.size < 1000) seen.add(attribute);
    const truth = o.attribute === undefined ? o.labels.map(label => truthOf(d, label, o.from)) : truthsIn(d, o.attribute, o.labels);
    if (truth.every(t => t === undefined)) {
      leftOut++;
      continue;
    }
    if (d.text.trim() === "") throw fail(`${documents.id}/${side}: ${d.id}`, "a text", "nothing but white space");
    const { cluster, augmentedFrom } = d.attributes;
    const group = String(cluster ?? augmentedFrom ?? d.id);
    const targets = o.soft && o.attribute === undefined ? o.labels.map((label, i) => softOf(d, label, truth[i])) : undefined;
    read.push({
      id: d.id,
      text: d.text,
      truth,
      ...defined({ targets }),
      group,
      isMade: augmentedFrom !== undefined,
      attributes: d.attributes,
    });
  }
  if (read.length === 0)
    throw fail(
      `${documents.id}/${side}: ${o.attribute ?? o.labels[0]}`,
      "documents with labels",
      leftOut === 0 ? "no documents" : `${formatCount(leftOut)} without; they have ${[...seen].sort().join(", ") || "no attributes"}`,
      "Name the attributes with labels:, or the one with the list with attribute:.",
    );
  return { read, leftOut };
}

/** Errors: tune/labels for a label that always holds, or never, in a part. */
function checkSides(part: readonly MultiLabelText[], name: keyof typeof leastOf, labels: readonly string[], place: string): void {
  for (const [i, label] of labels.entries())
    for (const side of [1, 0] as const) {
      const count = part.reduce((n, t) => n + (t.truth[i] === side ? 1 : 0), 0);
      if (count < leastOf[name])
        throw fail(
          `${place}: ${name} part: ${label}`,
          `${leastOf[name]} ${leastOf[name] === 1 ? "text" : "texts"} or more ${side ? "with" : "without"} the label`,
          `${count} of ${formatCount(part.length)}`,
          "Give more texts, raise validation: or split.heldOut, or leave the label out.",
        );
    }
}

const plain = ({ isMade: _, attributes: __, ...t }: ReadText): MultiLabelText => t;

function divided(read: readonly ReadText[], o: MultiLabelTargets, place: string) {
  const { validation, seed } = o;
  if (typeof validation !== "number") return dividedByOwn(read, { validation, allowCrossing: o.allowCrossing }, { place, code: "labels" });
  // a text counts for each of its labels, so that a rare one is selected by too
  const texts = read.flatMap(({ group, isMade, truth }) => {
    const held = o.labels.filter((_, i) => truth[i] === 1);
    return (held.length > 0 ? held : ["\0none"]).map(label => ({ group, label, isMade }));
  });
  const chosen = selectingGroups(texts, { validation, seed });
  return { train: read.filter(t => !chosen.has(t.group)), validation: read.filter(t => chosen.has(t.group) && !t.isMade) };
}

/** The train side, divided by groups, unless what selects stands apart. Errors: tune/labels. */
export async function readMultiLabel(documents: ArtifactReader, o: MultiLabelTargets): Promise<MultiLabelParts> {
  checkCrossing(documents, o);
  const { read, leftOut } = await readSide(documents, "train", o);
  const parts = setsApart(documents)
    ? { train: read, validation: (await readSide(documents, selecting, o)).read }
    : divided(read, o, documents.id);
  const [train, validation] = [parts.train.map(plain), parts.validation.map(plain)];
  checkSides(train, "train", o.labels, documents.id);
  checkSides(validation, "validation", o.labels, documents.id);
  return { train, validation, leftOut };
}

/** The test set: what nothing has been chosen by. Errors: tune/labels. */
export async function readMultiLabelTest(documents: ArtifactReader, o: MultiLabelTargets): Promise<readonly MultiLabelText[]> {
  const { read } = await readSide(documents, "held-out", o);
  checkSides(read, "test", o.labels, `${documents.id}/held-out`);
  return read.map(plain);
}

/** What judges: the part of the train side that selects, or the test set. Errors: tune/labels. */
export const readMultiLabelHalf = async (
  documents: ArtifactReader,
  o: MultiLabelTargets,
  half: Half,
): Promise<readonly MultiLabelText[]> =>
  half === "test" ? readMultiLabelTest(documents, o) : (await readMultiLabel(documents, o)).validation;
