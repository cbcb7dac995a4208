/** The codes of this module. */
import { errorTable } from "../base/index.ts";

export const loopErrors = errorTable("loop", {
  policy: {
    status: 400,
    exit: "usage",
    meaning: "The policy of a loop does not fit its project: a model, data set or setting that it names.",
  },
  busy: { status: 409, exit: "usage", meaning: "Another process runs the loop of this model." },
  state: { status: 409, exit: "usage", meaning: "The loop is not in a state in which this can be done." },
  data: { status: 400, exit: "failure", meaning: "The new documents of a round cannot be used." },
  server: { status: 502, exit: "failure", meaning: "The model server that a loop directs refused a change or did not respond." },
  machine: {
    status: 507,
    exit: "environment",
    meaning:
      "A round of a loop waits: its disk is full or read-only, or its artifact store cannot be reached. It goes on once that is mended.",
  },
  budget: { status: 409, exit: "failure", meaning: "A round of a loop would cost more than its budget." },
});
