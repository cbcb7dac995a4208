/** The one error of this folder, short to throw. */
import { defined, type LoamError } from "../../base/index.ts";
import { textErrors } from "../errors.ts";

const show = (received: string): string => (received.length > 80 ? `${received.slice(0, 77)}...` : received);

/** text/constraint: what is at `place` (a parameter and, in a schema, the pointer into it) is not what was expected. */
export const constraintRefusal = (place: string, expected: string, received: string, hint?: string): LoamError =>
  textErrors.fail("constraint", { place, expected, received: show(received), ...defined({ hint }) });
