/** Quantised matrices in the order that the products of bytes read: panels of 32 columns, four inputs of a column side by side, codes + 128. */
import { allocatePages } from "../native.ts";
import { codeBlock } from "./code-block.ts";
import { bytePanelColumns } from "./quantised-product.ts";

/** A matrix of bytes with a scale for each column (`row`: i8 [inputs, outputs]) or for each block of inputs (`block`: u8 [outputs, inputs]). */
interface QuantisedMatrix {
  readonly grain: "row" | "block";
  readonly inputs: number;
  readonly outputs: number;
  readonly codes: ArrayLike<number | bigint>;
  readonly scales: Float32Array;
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

/** Errors: tensor/machine where memory is refused. */
export function* packWeight({
  grain,
  inputs,
  outputs,
  codes: source,
  scales: factors,
}: QuantisedMatrix): Generator<undefined, PackedWeight, undefined> {
  const isRows = grain === "row";
  const panels = Math.ceil(outputs / bytePanelColumns);
  const panelBytes = inputs * bytePanelColumns;
  const blocks = isRows ? 1 : inputs / codeBlock;
  const scaleCount = panels * blocks * bytePanelColumns;
  const [pages, scalePages] = [allocatePages(panels * panelBytes), allocatePages(4 * scaleCount)];
  const codes = new Uint8Array(pages.buffer);
  const scales = new Float32Array(scalePages.buffer);
  // element (i, o) of the source, as an unsigned byte
  const [inStep, outStep, shift] = isRows ? [outputs, 1, 128] : [1, inputs, 0];
  const pack = (panel: number): void => {
    const columns = Math.min(bytePanelColumns, outputs - panel * bytePanelColumns);
    for (let c = 0; c < columns; c++) {
      const o = panel * bytePanelColumns + c;
      const to = panel * panelBytes + c * 4;
      const from = o * outStep;
      for (let i = 0; i < inputs; i += 4) {
        const place = to + i * bytePanelColumns;
        const first = from + i * inStep;
        codes[place] = (source[first] as number) + shift;
        codes[place + 1] = (source[first + inStep] as number) + shift;
        codes[place + 2] = (source[first + 2 * inStep] as number) + shift;
        codes[place + 3] = (source[first + 3 * inStep] as number) + shift;
      }
      for (let b = 0; b < blocks; b++) scales[(panel * blocks + b) * bytePanelColumns + c] = factors[o * blocks + b]!;
    }
  };
  for (let panel = 0; panel < panels; panel++) {
    pack(panel);
    yield;
  }
  return {
    grain,
    inputs,
    outputs,
    panels,
    address: pages.address,
    panelBytes,
    codes,
    scales,
    scalesAddress: scalePages.address,
    scalesBytes: 4 * blocks * bytePanelColumns,
    bytes: pages.buffer.byteLength + scalePages.buffer.byteLength,
    free: () => {
      pages.free();
      scalePages.free();
    },
  };
}

/** Row `o` of a table that is packed as its transpose: the weights of output o, times `factor`, to `out` from `at` on. */
export function unpackOutput(w: PackedWeight, o: number, factor: number, out: Float32Array, at: number): void {
  const [panel, c] = [Math.floor(o / bytePanelColumns), o % bytePanelColumns];
  const blocks = w.grain === "block" ? w.inputs / codeBlock : 1;
  const size = w.inputs / blocks;
  for (let b = 0, i = 0; b < blocks; b++) {
    const scale = Math.fround(w.scales[(panel * blocks + b) * bytePanelColumns + c]! * factor);
    let place = panel * w.panelBytes + i * bytePanelColumns + c * 4;
    for (const end = i + size; i < end; i += 4, place += 4 * bytePanelColumns)
      for (let k = 0; k < 4; k++) out[at + i + k] = (w.codes[place + k]! - 128) * scale;
  }
}
