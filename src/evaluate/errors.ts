/** The codes of this module. */
import { errorTable } from "../base/index.ts";

export const evaluateErrors = errorTable("evaluate", {
  empty: { status: 400, exit: "usage", meaning: "There is nothing to evaluate on." },
  items: {
    status: 400,
    exit: "usage",
    meaning: "Lists that belong together, such as true labels and predictions, have different lengths.",
  },
  score: {
    status: 400,
    exit: "usage",
    meaning: "A score is no number, a probability is outside 0 to 1, a vector has no direction; its place is named.",
  },
  classes: { status: 400, exit: "usage", meaning: "A curve or a comparison needs items of both classes and got one." },
  task: { status: 400, exit: "usage", meaning: "A task asks for what cannot be done, or does not say what it needs; the key is named." },
  data: {
    status: 400,
    exit: "usage",
    meaning: "An item of a task's file cannot be read, or lacks what the task asks of it; file and line are named.",
  },
  metric: {
    status: 400,
    exit: "usage",
    meaning: "A metric is not known to the task, or a condition names one that is not measured; the nearest is named.",
  },
  condition: { status: 400, exit: "usage", meaning: "A condition of a gate cannot be read; the place in it is named." },
  ability: {
    status: 400,
    exit: "usage",
    meaning: "A model cannot do what the task asks for, such as log-likelihoods at an endpoint that gives none.",
  },
  endpoint: { status: 502, exit: "failure", meaning: "An endpoint did not answer, or answered with an error or with what cannot be read." },
  length: {
    status: 400,
    exit: "usage",
    meaning: "A text with its expected response is longer than the model's context; the error has the model's message.",
  },
  compare: { status: 400, exit: "usage", meaning: "Two results cannot be held beside each other: other tasks, or no item in common." },
  gate: { status: 422, exit: "failure", meaning: "A condition of --fail-if holds; the figures and their interval are named." },
  family: { status: 400, exit: "usage", meaning: "The evaluation does not fit the model's family." },
});
