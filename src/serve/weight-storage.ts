/**
 * How a model's weights are stored in memory: elements, bytes, and the form of most of them in GGUF's words. Forms are told by the keys and types of the
 * arrays (`nn/weight.ts`); the scales and offsets of quantised matrices are bytes, and no parameters.
 */
import { type Tree, treePaths } from "../base/index.ts";
import { type DeviceArray, dtypeTable } from "../tensor/index.ts";

export interface WeightStorage {
  /** Elements of all parameters, whatever they are stored as. */
  readonly numParameters: number;
  readonly sizeBytes: number;
  /** `F32`, `F16`, `BF16`, `Q8_0` (8 bits with scales), `Q4_0` and `Q4_1` (4 bits, with a least value too), `NF4`. */
  readonly form: string;
}

/** Keys of arrays that belong to a quantised matrix beside its codes. */
const besideCodes = new Set(["columnScales", "blockScales", "blockOffsets", "blockMaxima", "maximumCodes", "maximumScales", "maximumMean"]);
/** Bytes of a block of 32 codes of 4 bits. */
const halfBytes = 16;

interface StoredArray {
  readonly parameters: number;
  readonly form: string;
}

function storedArray(key: string, { dtype, shape, size }: DeviceArray, hasOffsets: boolean): StoredArray | undefined {
  if (besideCodes.has(key)) return undefined;
  if (key === "nibbles") return { parameters: 2 * size, form: "NF4" };
  if (key === "packed" && shape.at(-1) === halfBytes) return { parameters: 2 * size, form: hasOffsets ? "Q4_1" : "Q4_0" };
  return { parameters: size, form: dtype === "i8" || dtype === "u8" ? "Q8_0" : dtype.toUpperCase() };
}

export function weightStorage(parameters: unknown): WeightStorage {
  const arrays = treePaths<DeviceArray>(parameters as Tree<DeviceArray>);
  const offsets = new Set(arrays.flatMap(([path]) => (path.endsWith(".blockOffsets") ? [path.slice(0, -".blockOffsets".length)] : [])));
  const byForm = new Map<string, number>();
  let [numParameters, sizeBytes] = [0, 0];
  for (const [path, array] of arrays) {
    const dot = path.lastIndexOf(".");
    sizeBytes += array.size * dtypeTable[array.dtype].sizeBytes;
    const stored = storedArray(path.slice(dot + 1), array, offsets.has(path.slice(0, Math.max(dot, 0))));
    if (!stored) continue;
    numParameters += stored.parameters;
    byForm.set(stored.form, (byForm.get(stored.form) ?? 0) + stored.parameters);
  }
  const [form = "F32"] = [...byForm].sort(([, a], [, b]) => b - a)[0] ?? [];
  return { numParameters, sizeBytes, form };
}
