/** Inner door: an encoder's vectors tuned so that what belongs together lies together. */
export type { BeforeAfter, EmbedReport } from "./measure.ts";
export { embedOptions } from "./options.ts";
export { pairsStage } from "./pairs-stage.ts";
export { type EmbedSurroundings, type EncoderText, embedStage } from "./stage.ts";
