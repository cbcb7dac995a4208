/** A guard that cannot judge. */
import { gatewayErrors } from "../errors.ts";

/** What becomes of the request its part of the file says (`onFailure`). The sentence names no address and no secret. */
export class GuardFailure extends Error {
  constructor(sentence: string, cause?: unknown) {
    super(sentence, cause === undefined ? undefined : { cause });
    this.name = "GuardFailure";
  }
}

/** A guard cannot judge and lets nothing pass. The sentence is for the log; the client learns the guard's name. */
export const closedBy = (guard: string, error: unknown) =>
  gatewayErrors.fail(
    "unavailable",
    { place: `guard ${guard}`, message: "it cannot judge at the moment, and lets nothing pass then" },
    error,
  );
