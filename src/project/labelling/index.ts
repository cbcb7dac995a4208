/** Labels that people give on the console. */
export { LabelCalls } from "./label-calls.ts";
export type { GivenBy, LabelBatch, LabelDisagreements, LabelledSet, ShownValue } from "./label-source.ts";
export { poolReader } from "./pool.ts";
