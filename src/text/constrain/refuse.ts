/** The one error of this folder, short to throw. */
import { defined, type LoamError } from "../../base/index.ts";
import { textErrors } from "../errors.ts";

const show = (received: string): string => (received.length > 80 ? `${received.slice(0, 77)}...` : received);

/** text/constraint: what is at `place` (a parameter and, in a schema, the pointer into it) is not what was expected. */
export const constraintRefusal = (place: string, expected: string, received: string, hint?: string): LoamError =>
  textErrors.fail("constraint", { place, expected, received: show(received), ...defined({ hint }) });

const beyond = new WeakSet<Error>();

/** text/constraint for what is right but beyond an automaton, or beyond one of bounded size: a keyword of a schema may be relaxed instead. */
export function beyondAutomata(...of: Parameters<typeof constraintRefusal>): LoamError {
  const error = constraintRefusal(...of);
  beyond.add(error);
  return error;
}

export const isBeyondAutomata = (error: unknown): boolean => error instanceof Error && beyond.has(error);
