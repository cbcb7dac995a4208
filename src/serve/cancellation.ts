/** Why a request's signal was aborted: its client left, or the time is over that the platform which runs the server allows it. */
import { isLoamError } from "../base/index.ts";
import { serveErrors } from "./errors.ts";

/** The reason that a platform aborts a request's signal with; the answer then ends with this error in its contract's form. */
export const deadlineOver = (place: string, hint: string) =>
  serveErrors.fail("deadline", { place, message: "the answer was not there in the time that the platform allows", hint });

export const isLate = (signal: AbortSignal): boolean => signal.aborted && isLoamError(signal.reason, "serve/deadline");

/** What ends work of an aborted signal: serve/deadline, else serve/cancelled. */
export const cancellation = (signal: AbortSignal | undefined, message: string): unknown =>
  signal && isLate(signal) ? signal.reason : serveErrors.fail("cancelled", { message });
