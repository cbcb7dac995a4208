import type { Reads } from "../step.ts";

/** What is asked for, for the trace and the log: numbers and names, and never a text. */
export function traceRequest({ ask, exchange }: Reads<"ask">): undefined {
  exchange.isStream = ask.isStream;
  exchange.trace?.asked(ask.body);
}
