/** The codes of this module. */
import { errorTable } from "../base/index.ts";

export const governanceErrors = errorTable("governance", {
  accountant: {
    status: 400,
    exit: "usage",
    meaning:
      "A privacy accountant was asked for something that it cannot compute: a rate, a noise multiplier, a delta or an epsilon out of range.",
  },
});
