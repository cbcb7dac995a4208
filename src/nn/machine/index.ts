/** Decoders as machine code. */
export { MachineDecoder, machineReady, machineRevision } from "./machine-decoder.ts";
