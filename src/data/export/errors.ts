/** The codes of exporting: places that must not be written over, and choices that are none. */
import { errorTable } from "../../base/index.ts";

export const exportErrors = errorTable("export", {
  occupied: {
    status: 409,
    exit: "usage",
    meaning: "The folder to export to holds files that are not an earlier export's; nothing in it is touched.",
  },
  place: { status: 400, exit: "usage", meaning: "An export cannot stand there: a file is in the way, or the project lies within." },
  columns: {
    status: 422,
    exit: "usage",
    meaning: "An attribute to export is not known, or there are more of them than a table should have.",
  },
});
