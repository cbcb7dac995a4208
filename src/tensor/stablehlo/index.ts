/** Door of StableHLO: graphs as the text that PJRT plugins compile. */
export { hloComposites, indexError } from "./lower.ts";
export { type HloProgram, hloProgram } from "./program.ts";
