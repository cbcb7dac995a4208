/** Checks of the machine and the software. */
export type { Check, Place, State } from "./check.ts";
export { hardware } from "./hardware.ts";
export { optional } from "./optional.ts";
export { software } from "./software.ts";
