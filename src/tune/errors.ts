/** The codes of this room. */
import { errorTable } from "../base/index.ts";

export const tuneErrors = errorTable("tune", {
  space: {
    status: 400,
    exit: "usage",
    meaning: "A search space is not one: its ends, steps, options or conditions do not fit; the parameter is named.",
  },
  trial: { status: 409, exit: "usage", meaning: "A trial is told something that does not fit its state, such as a result twice." },
  option: { status: 400, exit: "usage", meaning: "An option of a search is not known or out of range." },
});
