/** tune: better settings, found by trying, and how sure one can be that they are. */
export { tuneErrors } from "./errors.ts";
export * from "./search/index.ts";
export * from "./study/index.ts";
