/** Documents of a data set as examples: the train side alone, each document a record with its attributes as fields. */
import { z } from "zod";
import { isLoamError, type LoamError } from "../../base/index.ts";
import { type Document, drawnRecord } from "../../data/index.ts";
import { stage } from "../../store/index.ts";
import { tuneErrors } from "../errors.ts";
import { partedDocuments } from "./document-parts.ts";
import { columnOptions, type FormatName, formatNames } from "./format-options.ts";
import { exampleOptions, splitPartOptions } from "./options.ts";
import { type PlacedExample, readRecord, throwProblems } from "./read.ts";

const documentExamplesOptions = z.strictObject({
  /** What the data set is called in complaints. */
  name: z.string(),
  format: z.enum(formatNames).optional(),
  columns: columnOptions.optional(),
  bad: exampleOptions.shape.bad,
  ...splitPartOptions.omit({ allowCrossing: true }).shape,
  /** Said where a split is the user's own: near-duplicates across its parts are refused unless they may cross. */
  allowCrossing: z.boolean().optional(),
});

/** Errors: tune/example with the document's id; where no document can be trained on. */
export const documentExamplesStage = stage({
  name: "document-examples",
  version: 1,
  inputs: { documents: "documents" },
  options: documentExamplesOptions,
  output: "examples",
  async run({ inputs: { documents }, options: o, output, progress }) {
    progress({ stage: "examples", message: o.name });
    const all = await partedDocuments(documents, o);
    if (all.length === 0) throw tuneErrors.fail("example", { place: `${o.name}/train`, expected: "a document or more", received: "none" });
    let format: FormatName | undefined = o.format;
    const problems: LoamError[] = [];
    const sides: Record<"train" | "validation", PlacedExample[]> = { train: [], validation: [] };
    const hear = (document: Document, isHeld: boolean) => {
      try {
        const read = readRecord({ fields: drawnRecord(document), place: `${o.name}/train: ${document.id}` }, format, o.columns ?? {});
        format = read.format;
        sides[isHeld ? "validation" : "train"].push(read.placed);
      } catch (error) {
        if (!isLoamError(error)) throw error;
        problems.push(error);
      }
    };
    for (const { document, selects } of all) hear(document, selects);
    if (o.bad === "refuse" || sides.train.length + sides.validation.length === 0) throwProblems(problems, o.name);
    const lines = (examples: readonly PlacedExample[]) => examples.map(e => `${JSON.stringify(e)}\n`);
    await output.writeStream("train.jsonl", lines(sides.train));
    await output.writeStream("validation.jsonl", lines(sides.validation));
    return {
      file: o.name,
      format: format!,
      train: sides.train.length,
      validation: sides.validation.length,
      ...(problems.length > 0 ? { skipped: problems.length } : {}),
    };
  },
});
