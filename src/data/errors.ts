/** The codes of this module: sources that are not there, records beyond repair, corpora that cannot be split. */
import { errorTable } from "../base/index.ts";

export const dataErrors = errorTable("data", {
  sourceMissing: { status: 404, exit: "usage", meaning: "A source names a package, folder or file that does not exist." },
  sourceUnreachable: {
    status: 503,
    exit: "environment",
    meaning: "An object store or database that a source names does not answer, or refuses these credentials.",
  },
  query: { status: 422, exit: "usage", meaning: "The query of a source is not one statement that reads, or the database refuses it." },
  dataset: {
    status: 422,
    exit: "usage",
    meaning: "The card or the files of a data set folder do not say which configuration, split or text field is meant.",
  },
  sourceEmpty: { status: 422, exit: "usage", meaning: "A source exists but holds no file that its reader takes." },
  sourceChanged: { status: 409, exit: "failure", meaning: "A source file changed or vanished while it was being read." },
  tooManyBad: { status: 422, exit: "failure", meaning: "More records were set aside than `maxBad` allows; the first ones are named." },
  noDocuments: {
    status: 422,
    exit: "failure",
    isOfInputs: true,
    meaning: "No document is left after reading and the steps; the reasons are counted.",
  },
  splitImpossible: { status: 422, exit: "usage", isOfInputs: true, meaning: "There are too few independent documents to hold some out." },
  ownSplit: {
    status: 422,
    exit: "usage",
    isOfInputs: true,
    meaning: "The attribute or value of split.heldOut is in no document, or all documents would be held out.",
  },
  leakage: { status: 500, exit: "failure", meaning: "A held-out document has a near-duplicate on the train side." },
  corpusTooLarge: {
    status: 413,
    exit: "usage",
    isOfInputs: true,
    meaning: "A step that holds the whole corpus was given more than it can hold.",
  },
  badDocument: { status: 422, exit: "failure", meaning: "A line of a documents file is not a document." },
  duplicateId: { status: 500, exit: "failure", isOfInputs: true, meaning: "Two documents have the same id." },
  unknownDocument: { status: 404, exit: "usage", meaning: "No document of that id was read, or several begin so." },
  resource: { status: 404, exit: "usage", meaning: "A file or model that a step needs is not there, or not what the recipe says." },
  upstream: {
    status: 502,
    exit: "environment",
    meaning: "A text-generation endpoint gave no response; the error has the last failure and the number of attempts.",
  },
  worker: { status: 500, exit: "failure", meaning: "A thread or process that did a part of the work ended before it was done." },
  trial: {
    status: 422,
    exit: "usage",
    meaning: "A changed option of a step cannot be tried from the values that were stored; why is said.",
  },
  examples: { status: 422, exit: "usage", meaning: "There are too few examples to learn from, or all are of one kind." },
  purpose: {
    status: 422,
    exit: "usage",
    isOfInputs: true,
    meaning: "Documents lack the purpose or the consent that a model's `purpose` asks for; they are counted.",
  },
  notMeasured: { status: 404, exit: "usage", meaning: "The artifact was made before measured values were kept." },
});
