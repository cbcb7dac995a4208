/** Quantised matrices in the order that `products.ts` reads: panels of 32 columns, four inputs of a column side by side, codes + 128. */
import { type DeviceArray, machine } from "../../tensor/index.ts";
import { blockSize } from "../weight.ts";
import { panelColumns } from "./products.ts";

/** The quantised forms as arrays; see `weight.ts`. */
export interface RowsArrays {
  /** i8 [in, out]. */
  readonly codes: DeviceArray;
  readonly columnScales: DeviceArray;
}
export interface BlocksArrays {
  /** u8 [out, blocks, 32]. */
  readonly packed: DeviceArray;
  readonly blockScales: DeviceArray;
  readonly blockOffsets?: DeviceArray;
}
export type QuantisedArrays = RowsArrays | BlocksArrays;

/** Can a matrix be packed? */
export function isPackable(w: unknown): w is QuantisedArrays {
  if (typeof w !== "object" || w === null) return false;
  if ("codes" in w) return (w as RowsArrays).codes.shape[0]! % blockSize === 0;
  return "packed" in w && !("blockOffsets" in w) && (w as BlocksArrays).packed.shape[2] === blockSize;
}

export interface PackedWeight {
  readonly grain: "row" | "block";
  readonly inputs: number;
  readonly outputs: number;
  readonly panels: number;
  readonly address: bigint;
  readonly panelBytes: number;
  readonly codes: Uint8Array;
  readonly scales: Float32Array;
  readonly scalesAddress: bigint;
  /** Bytes of a panel's scales. */
  readonly scalesBytes: number;
  readonly bytes: number;
  free(): void;
}

const hostOf = async (a: DeviceArray) => a.memory.host() ?? (await a.read());

export async function packWeight(w: QuantisedArrays): Promise<PackedWeight> {
  const isRows = "codes" in w;
  const [inputs, outputs] = isRows ? (w.codes.shape as [number, number]) : [w.packed.shape[1]! * blockSize, w.packed.shape[0]!];
  const panels = Math.ceil(outputs / panelColumns);
  const panelBytes = inputs * panelColumns;
  const blocks = isRows ? 1 : inputs / blockSize;
  const scaleCount = panels * blocks * panelColumns;
  const [pages, scalePages] = [machine.allocatePages(panels * panelBytes), machine.allocatePages(4 * scaleCount)];
  const codes = new Uint8Array(pages.buffer);
  const scales = new Float32Array(scalePages.buffer);
  const source = await hostOf(isRows ? w.codes : w.packed);
  const factors = (await hostOf(isRows ? w.columnScales : w.blockScales)) as Float32Array;
  // element (i, o) of the source, as an unsigned byte
  const [inStep, outStep, shift] = isRows ? [outputs, 1, 128] : [1, inputs, 0];
  for (let panel = 0; panel < panels; panel++) {
    const columns = Math.min(panelColumns, outputs - panel * panelColumns);
    for (let c = 0; c < columns; c++) {
      const o = panel * panelColumns + c;
      const to = panel * panelBytes + c * 4;
      const from = o * outStep;
      for (let i = 0; i < inputs; i += 4) {
        const place = to + i * panelColumns;
        const first = from + i * inStep;
        codes[place] = (source[first] as number) + shift;
        codes[place + 1] = (source[first + inStep] as number) + shift;
        codes[place + 2] = (source[first + 2 * inStep] as number) + shift;
        codes[place + 3] = (source[first + 3 * inStep] as number) + shift;
      }
      for (let b = 0; b < blocks; b++) scales[(panel * blocks + b) * panelColumns + c] = factors[o * blocks + b]!;
    }
  }
  return {
    grain: isRows ? "row" : "block",
    inputs,
    outputs,
    panels,
    address: pages.address,
    panelBytes,
    codes,
    scales,
    scalesAddress: scalePages.address,
    scalesBytes: 4 * blocks * panelColumns,
    bytes: pages.buffer.byteLength + scalePages.buffer.byteLength,
    free: () => {
      pages.free();
      scalePages.free();
    },
  };
}

/** Row `o` of a table that is packed as its transpose: the weights of output o, times `factor`, to `out` from `at` on. */
export function unpackOutput(w: PackedWeight, o: number, factor: number, out: Float32Array, at: number): void {
  const [panel, c] = [Math.floor(o / panelColumns), o % panelColumns];
  const blocks = w.grain === "block" ? w.inputs / blockSize : 1;
  const size = w.inputs / blocks;
  for (let b = 0, i = 0; b < blocks; b++) {
    const scale = Math.fround(w.scales[(panel * blocks + b) * panelColumns + c]! * factor);
    let place = panel * w.panelBytes + i * panelColumns + c * 4;
    for (const end = i + size; i < end; i += 4, place += 4 * panelColumns)
      for (let k = 0; k < 4; k++) out[at + i + k] = (w.codes[place + k]! - 128) * scale;
  }
}
