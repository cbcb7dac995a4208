/** semantic: texts of one meaning, by their vectors: codes, cells, who stays. Pure functions, made for a plan of messages. */
export { type Cells, trainCells } from "./cells.ts";
export { type Codes, codesOf, cosineOfCodes, encode } from "./codes.ts";
export { type Centres, kMeans, nearestCentre } from "./k-means.ts";
export { cellStars, type Gone, type Likeness, resolveStars, type Verdicts } from "./stars.ts";
