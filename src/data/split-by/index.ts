/** Other ways to split than by share alone: by time, stratified, by groups of several attributes; and what crosses a finished split. */
export { cutByTime, type DatedGroups, dateIn, splitByTime, type TimeCut, type TimeReport } from "./by-time.ts";
export { chooseHeldOut, type SplitChoice, type SplitInput } from "./choose.ts";
export { crossingValues, type GroupCrossing } from "./crossing.ts";
export { parseDate, showDate } from "./dates.ts";
export { type DocumentGroups, type GroupColumn, groupsOfSets, joinByValues } from "./groups.ts";
export { ownPartOptions, type SplitByOptions, splitByOptions, type TimeOptions, timeOptions } from "./options.ts";
export { type OwnPart, ownPart, ownPartProblem } from "./own-part.ts";
export { type StrataRuns, type StratumReport, splitStratified, strataReport, stratify } from "./stratified.ts";
