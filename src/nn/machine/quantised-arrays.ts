/** Quantised weights as arrays of a device, and as machine code reads them. */
import { inTurns, pauses } from "../../base/index.ts";
import { codeBlock, type PackedWeight, packWeight } from "../../machine/index.ts";
import type { DeviceArray } from "../../tensor/index.ts";

/** The quantised forms as arrays; see `../weight.ts`. */
interface RowsArrays {
  /** i8 [in, out]. */
  readonly codes: DeviceArray;
  readonly columnScales: DeviceArray;
}
interface BlocksArrays {
  /** u8 [out, blocks, 32]. */
  readonly packed: DeviceArray;
  readonly blockScales: DeviceArray;
  readonly blockOffsets?: DeviceArray;
}
export type QuantisedArrays = RowsArrays | BlocksArrays;

/** Can a matrix be packed? */
export function isPackable(w: unknown): w is QuantisedArrays {
  if (typeof w !== "object" || w === null) return false;
  if ("codes" in w) return (w as RowsArrays).codes.shape[0]! % codeBlock === 0;
  return "packed" in w && !("blockOffsets" in w) && (w as BlocksArrays).packed.shape[2] === codeBlock;
}

const hostOf = async (a: DeviceArray) => a.memory.host() ?? (await a.read());

export async function packArrays(w: QuantisedArrays): Promise<PackedWeight> {
  if ("codes" in w) {
    const [inputs, outputs] = w.codes.shape as [number, number];
    const scales = (await hostOf(w.columnScales)) as Float32Array;
    return inTurns(packWeight({ grain: "row", inputs, outputs, codes: await hostOf(w.codes), scales }), pauses());
  }
  const [outputs, blocks] = w.packed.shape as [number, number];
  const scales = (await hostOf(w.blockScales)) as Float32Array;
  return inTurns(packWeight({ grain: "block", inputs: blocks * codeBlock, outputs, codes: await hostOf(w.packed), scales }), pauses());
}
