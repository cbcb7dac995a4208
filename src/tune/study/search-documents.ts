/**
 * Documents for a trial whose data are curated in another way than the study's: trained is what the trial's own curation keeps, without what judges and
 * what is like it; what selects and what is held out are the study's, word for word. So a filter changes what is learnt from and never what
 * is asked: scores of trials are of the same texts.
 */
import { z } from "zod";
import { type Document, documentLine, documentsOf, ownPart, ownPartOptions, type SplitSide } from "../../data/index.ts";
import { type ArtifactReader, stage } from "../../store/index.ts";
import { classReader, isValidation, selectingGroups } from "../classify/examples.ts";
import { labelOptions } from "../classify/options.ts";
import { tuneErrors } from "../errors.ts";
import { type Grouped, leakedInto } from "./apart.ts";
import { searchDocumentsName } from "./stage-names.ts";

/** What a document belongs to: its near-duplicates, or what it was made of. */
const groupOfDocument = ({ id, attributes: { cluster, augmentedFrom } }: Document): string => String(cluster ?? augmentedFrom ?? id);
const grouped = (d: Document): Grouped => ({ id: d.id, text: d.text, group: groupOfDocument(d) });

async function sideOf(artifact: ArtifactReader, side: SplitSide): Promise<Document[]> {
  const all = [];
  for await (const d of documentsOf(artifact, side)) all.push(d);
  return all;
}

/** How the study's configuration says which of its train side select; of classes, what holds them. */
const partOptions = labelOptions.pick({ validation: true, seed: true }).extend({
  validation: z.union([z.number().min(0).max(0.5), ownPartOptions]),
  classes: labelOptions.pick({ label: true, classes: true }).optional(),
});
type PartOptions = z.output<typeof partOptions>;

const isMade = (d: Document): boolean => d.attributes.augmentedFrom !== undefined;

/** Those of a train side that select. */
function selects(train: readonly Document[], { validation, ...rest }: PartOptions): (d: Document) => boolean {
  if (typeof validation !== "number") {
    const own = ownPart(validation);
    return d => !isMade(d) && own.has(d.attributes);
  }
  const o = { ...rest, validation };
  const classIn = o.classes && classReader(o.classes);
  const classed = train.flatMap(d => {
    const label = classIn?.(d);
    return label === undefined ? [] : [{ group: groupOfDocument(d), label, isMade: isMade(d) }];
  });
  const chosen = selectingGroups(classed, o);
  return d => !isMade(d) && (isValidation(groupOfDocument(d), o) || chosen.has(groupOfDocument(d)));
}

/** Errors: tune/halves where nothing is left to train on. */
export const searchDocumentsStage = stage({
  name: searchDocumentsName,
  version: 1,
  inputs: { documents: "documents", judged: "documents" },
  options: partOptions,
  output: "documents",
  async run({ inputs, options, output, signal }) {
    const usual = await sideOf(inputs.judged, "train");
    const validation = usual.filter(selects(usual, options));
    const heldOut = await sideOf(inputs.judged, "held-out");
    signal.throwIfAborted();
    const train = await sideOf(inputs.documents, "train");
    // the trial's held-out side is not trained on, yet tells what its split found to be alike
    const own = [...train, ...(await sideOf(inputs.documents, "held-out"))];
    const out = leakedInto([...validation, ...heldOut].map(grouped), own.map(grouped));
    // of the user's own part nothing trains, also what the study's curation dropped
    const ownValidation = typeof options.validation === "number" ? undefined : ownPart(options.validation);
    const kept = train.filter((d, i) => !out.has(i) && !ownValidation?.has(d.attributes));
    if (kept.length === 0)
      throw tuneErrors.fail("halves", {
        place: inputs.documents.id,
        expected: "documents to train on beside those that judge",
        received: `none of ${train.length} that the trial's steps keep`,
        hint: "Loosen what the search offers for data.",
      });
    const lines = (documents: readonly Document[]) => documents.map(documentLine);
    await output.writeStream("train.jsonl", lines(kept));
    await output.writeStream("validation.jsonl", lines(validation));
    await output.writeStream("held-out.jsonl", lines(heldOut));
    return {
      trainDocuments: kept.length,
      leftOut: train.length - kept.length,
      validationDocuments: validation.length,
      heldOutDocuments: heldOut.length,
      crossing: 0,
    };
  },
});
