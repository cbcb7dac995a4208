/** Inner door: rankings that need no model. */
export { type Bm25Options, bm25 } from "./bm25.ts";
export { rankingBaselines } from "./ranking-baselines.ts";
export { searchWords } from "./words.ts";
