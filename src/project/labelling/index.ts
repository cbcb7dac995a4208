/** Labels that people give on the console. */
export { labelSource } from "./label-source.ts";
export { poolReader } from "./pool.ts";
