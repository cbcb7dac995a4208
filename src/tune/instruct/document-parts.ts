/**
 * The train side of a data set as examples that train and examples that select: drawn by groups as classifiers draw them, so near-duplicates, and whatever the
 * data set's split keeps together, are on one side of all three parts; or the user's own part; or what a search has set apart.
 */
import { type Document, documentsOf, drawn, selecting, setsApart } from "../../data/index.ts";
import type { ArtifactReader } from "../../store/index.ts";
import { checkCrossing, isValidation } from "../classify/examples.ts";
import { dividedByOwn } from "../own-parts.ts";
import type { SplitPartOptions } from "./options.ts";

interface DocumentPartOptions extends Omit<SplitPartOptions, "allowCrossing"> {
  /** The data set in complaints. */
  readonly name: string;
  /** Said where a split is the user's own: whether near-duplicates across its parts pass. */
  readonly allowCrossing?: boolean | undefined;
}

interface PartedDocument {
  readonly document: Document;
  /** It selects, and trains nothing. */
  readonly selects: boolean;
}

async function sideOf(documents: ArtifactReader, side: "train" | typeof selecting): Promise<Document[]> {
  const all: Document[] = [];
  for await (const document of documentsOf(documents, side)) all.push(document);
  return all;
}

/** In their order, those that select behind where they stand apart. Errors: tune/example, tune/labels for near-duplicates across the user's own split. */
export async function partedDocuments(documents: ArtifactReader, o: DocumentPartOptions): Promise<PartedDocument[]> {
  const { name, validation, seed, sample, allowCrossing } = o;
  if (allowCrossing === false) checkCrossing(documents, { allowCrossing });
  const all = await sideOf(documents, "train");
  const chosen = sample === undefined ? all : drawn(all, sample, d => d.id, seed);
  const parted = (selects: (d: Document) => boolean) => chosen.map(document => ({ document, selects: selects(document) }));
  if (setsApart(documents))
    return [...parted(() => false), ...(await sideOf(documents, selecting)).map(document => ({ document, selects: true }))];
  if (typeof validation === "number")
    return parted(({ id, attributes: { cluster } }) => isValidation(typeof cluster === "string" ? cluster : id, { validation, seed }));
  const records = chosen.map(document => {
    const { cluster, augmentedFrom } = document.attributes;
    return {
      document,
      group: String(cluster ?? augmentedFrom ?? document.id),
      isMade: augmentedFrom !== undefined,
      attributes: document.attributes,
    };
  });
  const divided = dividedByOwn(records, { validation, allowCrossing: allowCrossing ?? true }, { place: name, code: "example" });
  const [train, held] = [new Set(divided.train.map(r => r.document)), new Set(divided.validation.map(r => r.document))];
  return parted(d => held.has(d)).filter(({ document: d }) => train.has(d) || held.has(d));
}
