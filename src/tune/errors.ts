/** The codes of this room. */
import { errorTable } from "../base/index.ts";

export const tuneErrors = errorTable("tune", {
  space: {
    status: 400,
    exit: "usage",
    meaning: "A search space is not one: its ends, steps, options or conditions do not fit; the parameter is named.",
  },
  trial: { status: 409, exit: "usage", meaning: "A trial is told something that does not fit its state, such as a result twice." },
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
  halves: { status: 400, exit: "usage", meaning: "There are too few held-out documents to choose by one half and judge by the other." },
  family: { status: 400, exit: "usage", meaning: "A model of this family cannot be judged by a search." },
  option: { status: 400, exit: "usage", meaning: "An option of a search is not known or out of range." },
});
