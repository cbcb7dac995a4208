/** The code of this module: the others are those of the modules that the command line calls. */
import { errorTable } from "../base/index.ts";

export const cliErrors = errorTable("cli", {
  usage: {
    status: 400,
    exit: "usage",
    meaning: "A command, argument or option is not known or is missing; the nearest right one is named.",
  },
});
