/** Float weights to 4-bit NormalFloat, on the host (`../normal-float.ts` says what it is). */
import type { Device, DeviceArray } from "../../tensor/index.ts";
import { nnErrors } from "../errors.ts";
import { magnitudeGroup, normalFloatBlock, normalFloats } from "../normal-float.ts";

/** Between two neighbouring values, what is nearer to the upper one begins. */
const borders = normalFloats.slice(1).map((x, i) => (x + normalFloats[i]!) / 2);

/** The code of the nearest value. */
export function normalFloatCode(x: number): number {
  let code = 0;
  for (let half = 8; half > 0; half >>= 1) if (x > borders[code + half - 1]!) code += half;
  return code;
}

interface NormalFloatCodes {
  /** [out, blocks, 32]. */
  readonly nibbles: Uint8Array;
  /** [out, blocks]. */
  readonly maxima: Float32Array;
}

/** Codes of a weight [in, out] that lies row by row. */
export function normalFloatCodes(data: Float32Array, input: number, output: number): NormalFloatCodes {
  const blocks = input / normalFloatBlock;
  const bytes = normalFloatBlock / 2;
  const nibbles = new Uint8Array(output * blocks * bytes);
  const maxima = new Float32Array(output * blocks);
  for (let b = 0; b < blocks; b++)
    for (let o = 0; o < output; o++) {
      const from = b * normalFloatBlock * output + o;
      let most = 0;
      for (let j = 0; j < normalFloatBlock; j++) most = Math.max(most, Math.abs(data[from + j * output]!));
      const at = o * blocks + b;
      maxima[at] = most;
      const factor = most === 0 ? 0 : 1 / most;
      for (let j = 0; j < normalFloatBlock; j++)
        nibbles[at * bytes + (j >> 1)]! |= normalFloatCode(data[from + j * output]! * factor) << (4 * (j & 1));
    }
  return { nibbles, maxima };
}

/** Magnitudes in 8 bits: what differs from their mean, a scale for every 256 (section 3, "double quantization"). */
function maximumCodes(maxima: Float32Array): { codes: Int8Array; scales: Float32Array; mean: number } {
  const groups = Math.ceil(maxima.length / magnitudeGroup);
  const codes = new Int8Array(maxima.length);
  const scales = new Float32Array(groups);
  const mean = Math.fround(maxima.reduce((a, b) => a + b, 0) / maxima.length);
  for (let g = 0; g < groups; g++) {
    const group = maxima.subarray(g * magnitudeGroup, (g + 1) * magnitudeGroup);
    const most = group.reduce((m, x) => Math.max(m, Math.abs(x - mean)), 0);
    scales[g] = most / 127;
    for (const [i, x] of group.entries()) codes[g * magnitudeGroup + i] = most === 0 ? 0 : Math.round(((x - mean) / most) * 127);
  }
  return { codes, scales, mean };
}

/** A weight [in, out] as the arrays of a `NormalFloatWeight`. Errors: nn/config where 64 does not divide its inputs. */
export async function normalFloatArrays(
  weight: DeviceArray,
  device: Device,
  o: { readonly double: boolean; readonly place: string },
): Promise<Record<string, DeviceArray>> {
  const [input, output] = weight.shape as [number, number];
  if (input % normalFloatBlock)
    throw nnErrors.fail("config", {
      place: o.place,
      expected: `a width that ${normalFloatBlock} divides, which 4-bit blocks need`,
      received: String(input),
      hint: "Tune it by lora instead.",
    });
  const { nibbles, maxima } = normalFloatCodes((await weight.read()) as Float32Array, input, output);
  const blocks = input / normalFloatBlock;
  const packed = { nibbles: await device.array(nibbles, "u8", [output, blocks, normalFloatBlock / 2]) };
  if (!o.double) return { ...packed, blockMaxima: await device.array(maxima, "f32", [output, blocks]) };
  const { codes, scales, mean } = maximumCodes(maxima);
  return {
    ...packed,
    maximumCodes: await device.array(codes, "i8", [codes.length]),
    maximumScales: await device.array(scales, "f32", [scales.length]),
    maximumMean: await device.array(Float32Array.of(mean), "f32", []),
  };
}
