/** The codes of this module: configuration, files, and what every room shares. */
import { errorTable } from "./error.ts";

export const baseErrors = errorTable("base", {
  config: { status: 400, exit: "usage", meaning: "A configuration file or option has a value that is not allowed." },
  unknownKey: {
    status: 400,
    exit: "usage",
    meaning: "A configuration file or option has a key that does not exist; the nearest right one is named.",
  },
  syntax: { status: 400, exit: "usage", meaning: "A file is not valid YAML or JSON." },
  missingFile: { status: 404, exit: "usage", meaning: "A file that is needed does not exist or cannot be read." },
  readOnly: { status: 500, exit: "environment", meaning: "A file or folder cannot be written: permissions or a read-only file system." },
  diskFull: { status: 507, exit: "environment", meaning: "The disk is full; nothing half-written is left behind." },
  io: { status: 500, exit: "failure", meaning: "Reading or writing a file failed for another reason, named in the sentence." },
  interrupted: { status: 503, exit: "interrupted", meaning: "Stopped by Ctrl-C or a signal; the state that was saved can be resumed." },
  internal: { status: 500, exit: "failure", meaning: "A fault in Loam itself." },
});
