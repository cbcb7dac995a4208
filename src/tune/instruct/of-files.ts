/** What a file of examples may have beside it, or say. */
import type { RefusePart, TunePart } from "../kind/kind-part.ts";
import { exampleFile, isFilePath } from "../names.ts";
import { heldOutOptions } from "./options.ts";

export const ofFiles = {
  validationFile: exampleFile.optional().describe("Validation file. Default: a fraction of the examples."),
  heldOut: heldOutOptions
    .optional()
    .meta({ description: "Test set: a field and its values. Evaluates the winner of a search.", examples: [{ split: "test" }] }),
};

interface OfFiles extends TunePart {
  readonly validationFile?: string | undefined;
  readonly heldOut?: unknown;
}
/** What stands beside a file stands beside no data set. */
export function checkFiles({ on, validationFile, heldOut, validation }: OfFiles, refuse: RefusePart): void {
  if (validationFile !== undefined && !isFilePath(on))
    refuse(["validationFile"], "none beside a data set, whose own groups select (validation:)", validationFile);
  else if (validationFile !== undefined && typeof validation !== "number")
    refuse(["validationFile"], "none beside a validation part of your own (validation:)", validationFile);
  if (heldOut !== undefined && !isFilePath(on))
    refuse(["heldOut"], `none beside a data set, whose split says what is held out (data.${on}.split.heldOut)`, heldOut);
}
