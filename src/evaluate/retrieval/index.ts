/** Inner door: measures of rankings. */
export { ndcgAt, type Ranked, recallAt, reciprocalRank } from "./retrieval.ts";
