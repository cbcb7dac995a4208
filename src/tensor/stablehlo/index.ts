/** Door of StableHLO: graphs as the text that PJRT plugins compile. */
export { hloComposites } from "./lower.ts";
export { checkedEnds, type HloProgram, hloProgram, replicated, throwOutside } from "./program.ts";
