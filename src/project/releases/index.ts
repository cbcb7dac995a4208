/** What releases ask of a version. */
export { isGuardedOf } from "./check-trusted.ts";
