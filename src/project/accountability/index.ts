/** The record's log for people and for auditors: acts, signed checkpoints, static files, witnesses. */

export { type ActGiven, type LogList, listLog, recordProjectAct } from "./acts.ts";
export { type AnchoredChanges, anchorGateway, anchorInProject, verifyInProject } from "./anchor-gateway.ts";
export { type ExportedLog, exportLog, type LogCheckpoint, type LogKeyOptions, signLog } from "./export-log.ts";
export { type LogProof, proofAt, proveAct } from "./prove-act.ts";
export { type WitnessedLog, type WitnessOptions, witnessLog } from "./witness-log.ts";
