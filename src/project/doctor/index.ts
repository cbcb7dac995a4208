/** Checks of the machine and the software. */
export type { CheckState, Finding } from "./check.ts";
export { checkMachine, type MachineCheck, type MachineReport, type MachineSection, machineSections } from "./machine-report.ts";
