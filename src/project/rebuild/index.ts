/** A version made again from the record, and compared. */
export { type RebuiltStage, rebuild } from "./rebuild.ts";
