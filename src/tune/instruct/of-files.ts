/** What a file of examples may have beside it, or say. */
import { examplesFile } from "../names.ts";
import { heldOutOptions } from "./options.ts";

export const ofFiles = {
  validationFile: examplesFile.optional().describe("Validation file. Default: a fraction of the examples."),
  heldOut: heldOutOptions
    .optional()
    .meta({ description: "Test set: a field and its values. Evaluates the winner of a search.", examples: [{ split: "test" }] }),
};
