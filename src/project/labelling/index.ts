/** Labels that people give on the console. */
export { poolReader } from "./pool.ts";
