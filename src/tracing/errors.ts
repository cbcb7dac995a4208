/** The codes of this module. */
import { errorTable } from "../base/index.ts";

export const tracingErrors = errorTable("tracing", {
  collector: { status: 400, exit: "usage", meaning: "What traces should be sent to is not the address of a collector." },
});
