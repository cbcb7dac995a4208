/** Machine code made here: an assembler, the memory and threads that run what it makes, and what the processor can do. */
export { ArgumentSpace, type Field, fieldsOf } from "./arguments.ts";
export { type Address, Assembler, at, type Gpr, gpr, type Label, spread, type VectorOperand } from "./assembler.ts";
export { emitExponential, exponentialConstants } from "./exponential.ts";
export { type ProcessorFeatures, processorFeatures } from "./features.ts";
export { allocatePages, loadCode, machineFunction, type Pages, unmapPages } from "./native.ts";
export { emitSoftmaxRows } from "./softmax.ts";
export { MachineProgram, type Operation, Team, teamOf } from "./team.ts";
