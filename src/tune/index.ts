/** tune: better settings, found by trying. Knows nothing of how a trial is run. */
export { tuneErrors } from "./errors.ts";
export * from "./search/index.ts";
