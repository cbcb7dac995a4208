/** Decoders and encoders as machine code. */
export { MachineDecoder, machineReady, machineRevision } from "./machine-decoder.ts";
export {
  encoderRevision,
  type MachineEncoder,
  type MachineEncoderSizes,
  machineEncoderReady,
  openMachineEncoder,
} from "./machine-encoder.ts";
