/** Inner door: measures of rankings. */
export { type PlaceFigure, placeFigures, type RankedGain } from "./found.ts";
export { type OpenRanking, openRanking, type Ranking, rankingOf } from "./rank.ts";
export { ndcgAt, type Ranked, recallAt, reciprocalRank } from "./retrieval.ts";
