/** The codes of this module. */
import { errorTable } from "../base/index.ts";

export const tuneErrors = errorTable("tune", {
  privacy: {
    status: 400,
    exit: "usage",
    meaning: "A recipe's privacy options do not fit: the message names the budget, the delta or the option.",
  },
  influence: {
    status: 400,
    exit: "usage",
    meaning:
      "A model's outputs cannot be attributed to training texts so: its kind, what is kept of its training, or an option does not fit.",
  },
  space: {
    status: 400,
    exit: "usage",
    meaning: "A search space is not one: its ends, steps, options or conditions do not fit; the parameter is named.",
  },
  trial: { status: 409, exit: "usage", meaning: "A trial received an event that does not fit its state, such as a second result." },
  noTrial: {
    status: 500,
    exit: "failure",
    meaning: "No trial of a search came to its end: each crashed, diverged or could not be measured; the error has the first reason.",
  },
  method: {
    status: 400,
    exit: "usage",
    meaning:
      "A method of tuning does not fit the model: a target that it does not have, too great a rank, nothing trained, a weight of another form.",
  },
  path: {
    status: 400,
    exit: "usage",
    meaning: "A search names a part of the configuration that does not exist, or a value that it does not take; the parameter is named.",
  },
  halves: {
    status: 400,
    exit: "usage",
    isOfInputs: true,
    meaning: "There are too few held-out documents to choose by one half and judge by the other.",
  },
  folds: {
    status: 400,
    exit: "usage",
    isOfInputs: true,
    meaning:
      "There are too few documents, or too few of a class, for the folds of a cross-validation, or a score of a fold is not a number; repeat, fold and class are named.",
  },
  family: { status: 400, exit: "usage", meaning: "A model of this family cannot be judged by a search." },
  labels: {
    status: 400,
    exit: "usage",
    isOfInputs: true,
    meaning:
      "No classifier can be trained or judged on the labelled texts: one class or equal ones, too few texts, classes named in texts, near-duplicates on both sides.",
  },
  base: { status: 400, exit: "usage", meaning: "A model cannot be tuned for this task: its family reads no single texts." },
  teacher: {
    status: 502,
    exit: "failure",
    meaning:
      "A teacher behind an endpoint did not answer, refuses its key, or does not tell the log-probabilities of given tokens; what it has answered is kept.",
  },
  example: {
    status: 400,
    exit: "usage",
    meaning:
      "An example for instruction tuning is invalid: a missing field, an empty answer, no end of a turn, a doubled beginning, too many tokens; file and line are named.",
  },
  job: { status: 400, exit: "usage", meaning: "A fine-tuning job cannot be cancelled, paused or resumed in the status that it has." },
  jobsFull: { status: 429, exit: "failure", meaning: "As many fine-tuning jobs as a server takes are not over yet." },
  option: { status: 400, exit: "usage", meaning: "An option of a search is not known or out of range." },
});
