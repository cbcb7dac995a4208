/** The codes of this room. */
import { errorTable } from "../base/index.ts";

export const evaluateErrors = errorTable("evaluate", {
  empty: { status: 400, exit: "usage", meaning: "There is nothing to evaluate on." },
  family: { status: 400, exit: "usage", meaning: "The evaluation does not fit the model's family." },
});
