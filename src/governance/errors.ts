/** The codes of this module. */
import { errorTable } from "../base/index.ts";

export const governanceErrors = errorTable("governance", {
  table: { status: 400, exit: "usage", meaning: "A table cannot be judged: no rows, a column that is missing, or fewer rows than k." },
  accountant: {
    status: 400,
    exit: "usage",
    meaning: "A value for a privacy accountant is out of range: a sampling rate, a noise multiplier, a delta or an epsilon.",
  },
  membership: {
    status: 400,
    exit: "usage",
    meaning:
      "Membership or extraction cannot be measured: too few texts on a side, a loss that is not finite, a prefix or suffix without a token.",
  },
});
