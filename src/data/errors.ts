/** The codes of this room: sources that are not there, records beyond repair, corpora that cannot be split. */
import { errorTable } from "../base/index.ts";

export const dataErrors = errorTable("data", {
  sourceMissing: { status: 404, exit: "usage", meaning: "A source names a package, folder or file that does not exist." },
  sourceEmpty: { status: 422, exit: "usage", meaning: "A source exists but holds no file that its reader takes." },
  sourceChanged: { status: 409, exit: "failure", meaning: "A source file changed or vanished while it was being read." },
  tooManyBad: { status: 422, exit: "failure", meaning: "More records were set aside than `maxBad` allows; the first ones are named." },
  noDocuments: { status: 422, exit: "failure", meaning: "No document is left after reading and the steps; the reasons are counted." },
  splitImpossible: { status: 422, exit: "usage", meaning: "There are too few independent documents to hold some out." },
  leakage: { status: 500, exit: "failure", meaning: "A held-out document has a near-duplicate on the train side." },
  corpusTooLarge: { status: 413, exit: "usage", meaning: "A step that holds the whole corpus was given more than it can hold." },
  badDocument: { status: 422, exit: "failure", meaning: "A line of a documents file is not a document." },
  duplicateId: { status: 500, exit: "failure", meaning: "Two documents have the same id." },
  unknownDocument: { status: 404, exit: "usage", meaning: "No document of that id was read, or several begin so." },
  trial: {
    status: 422,
    exit: "usage",
    meaning: "A changed option of a step cannot be tried from the values that were stored; why is said.",
  },
  notMeasured: { status: 404, exit: "usage", meaning: "The artifact was made before measured values were kept." },
});
