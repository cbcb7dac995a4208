/** The fastest of the decoders over a cache that this machine has for some parameters: machine code where it can be made, else programs of the device. */
import type { Device } from "../../tensor/index.ts";
import type { DecoderConfig } from "../decoder.ts";
import { MachineDecoder, machineReady } from "../machine/index.ts";
import { CachedDecoder, type CachedDecoderOptions, type DecoderParameters, type StepDecoder } from "./cached-decoder.ts";

export interface OpenDecoderOptions extends CachedDecoderOptions {
  /** Quantised matrices may be freed once they lie packed in another order; the given parameters must not be read afterwards. */
  readonly consume?: boolean;
}

/** Whether `openDecoder`, without adapters, has machine code for these parameters here. */
export const runsAsMachineCode = (config: DecoderConfig, parameters: DecoderParameters, device: Device): boolean =>
  machineReady(config, parameters, device) !== undefined;

/** Opens it for parameters that stay the same. Errors: those of `CachedDecoder.open`, tensor/machine where memory is refused. */
export async function openDecoder(
  config: DecoderConfig,
  parameters: DecoderParameters,
  device: Device,
  { consume = false, ...options }: OpenDecoderOptions = {},
): Promise<StepDecoder> {
  // adapters are additions to products that only the traced program has
  const ready = options.adapters ? undefined : machineReady(config, parameters, device);
  return ready ? MachineDecoder.open(config, ready, device, { ...options, consume }) : CachedDecoder.open(config, device, options);
}
