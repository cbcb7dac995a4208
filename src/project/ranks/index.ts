/** Ranks of a project's trainings: processes that train one model together. */
export { type RankWork, workAsRank } from "./rank-work.ts";
