/** Inner door: candidates for a base, measured on the task that one of them is to be tuned for. */
export { type ClassCandidate, type ClassTexts, measureClassCandidate } from "./classes.ts";
