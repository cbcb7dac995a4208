/** The codes of this room. */
import { errorTable } from "../base/index.ts";

export const evaluateErrors = errorTable("evaluate", {
  empty: { status: 400, exit: "usage", meaning: "There is nothing to evaluate on." },
  items: {
    status: 400,
    exit: "usage",
    meaning: "Lists that belong together, such as true labels and predictions, have different lengths.",
  },
  score: { status: 400, exit: "usage", meaning: "A score is not a number, or a probability is outside 0 to 1; its place is named." },
  classes: { status: 400, exit: "usage", meaning: "A curve or a comparison needs items of both classes and got one." },
  family: { status: 400, exit: "usage", meaning: "The evaluation does not fit the model's family." },
});
