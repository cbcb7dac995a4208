/**
 * A backend that compiles nothing and computes nothing: it keeps the programs that are built for it as StableHLO text, to be compiled ahead of
 * time for devices that are not here. Its arrays take no memory and read as zeros.
 */
import { defined } from "../../base/index.ts";
import type { Backend, DeviceMemory } from "../backend.ts";
import { bytesOf, type DType, dtypeTable } from "../dtype.ts";
import type { Shape } from "../shape.ts";
import { hloProgram } from "../stablehlo/index.ts";
import { pjrtAbilities, widensFactorsOn } from "./abilities.ts";

/** A program as a plugin compiles it. */
export interface RecordedProgram {
  readonly name: string;
  readonly text: string;
  /** Donated arguments whose memory results take over. */
  readonly aliases: number;
}

function emptyMemory(shape: Shape, dtype: DType): DeviceMemory {
  return {
    shape,
    dtype,
    host: () => undefined,
    expose: () => undefined,
    freeze: () => {},
    isFrozen: false,
    isShared: false,
    read: async () => new dtypeTable[dtype].array(new ArrayBuffer(bytesOf(shape, dtype))),
    write: async () => {},
    dispose: () => {},
  };
}

/** `onProgram` hears each program when it is built, as a device of the platform ("cpu", "tpu") would compile it. */
export const recordingBackend = (onProgram: (program: RecordedProgram) => void, platform: string): Backend => ({
  capabilities: {
    ...pjrtAbilities,
    details: { platform: "none: programs are recorded" },
  },
  allocate: emptyMemory,
  zeros: emptyMemory,
  async build(graph, { name = "program", aliases, products }) {
    const { text } = hloProgram(graph, { name, aliases, widensFactors: widensFactorsOn(platform), ...defined({ products }) });
    onProgram({ name, text, aliases: aliases.size });
    return { run: async (_inputs, _outputs, hooks) => hooks?.onBegin?.(), dispose: () => {} };
  },
  dispose: () => {},
});
