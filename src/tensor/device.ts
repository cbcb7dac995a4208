/** Devices: opened by name with their options; they make arrays, and `compile` runs programs on them. */
import type { Backend, Capabilities } from "./backend.ts";
import { DeviceArray } from "./device-array.ts";
import { type DType, dtypeTable, fromNumbers, sizeOf, type TypedArray } from "./dtype.ts";
import { tensorErrors } from "./errors.ts";
import { type OnnxBackendOptions, onnxBackend } from "./onnx-backend/index.ts";
import { referenceBackend } from "./reference-backend.ts";
import { type Shape, showShape } from "./shape.ts";
import { constant, type Nested } from "./tensor.ts";

export const deviceNames = ["cpu", "webgpu", "reference"] as const;
export type DeviceName = (typeof deviceNames)[number];
export type DeviceOptions = Omit<OnnxBackendOptions, "provider">;

/** Which backend a device name stands for; a new backend is a row. */
const backends: { readonly [N in DeviceName]: (options: DeviceOptions) => Backend } = {
  cpu: options => onnxBackend({ ...options, provider: "cpu" }),
  webgpu: options => onnxBackend({ ...options, provider: "webgpu" }),
  reference: () => referenceBackend(),
};

export class Device {
  readonly name: DeviceName;
  readonly backend: Backend;

  constructor(name: DeviceName, backend: Backend) {
    this.name = name;
    this.backend = backend;
  }

  get capabilities(): Capabilities {
    return this.backend.capabilities;
  }

  /** An array from numbers (scalar or nested lists), or from typed memory with its shape (a typed array alone is one axis). */
  async array(value: Nested | TypedArray, dtype: DType = "f32", shape?: Shape): Promise<DeviceArray> {
    const source = ArrayBuffer.isView(value)
      ? { data: value, shape: shape ?? [value.length], dtype }
      : (({ data, shape, dtype }) => ({ data, shape, dtype }))(constant(value, dtype).attributes);
    if (source.data.length !== sizeOf(source.shape))
      throw tensorErrors.fail("shape", {
        place: "array",
        expected: `${sizeOf(source.shape)} elements for ${showShape(source.shape)}`,
        received: `${source.data.length}`,
      });
    if (!(source.data instanceof dtypeTable[dtype].array))
      throw tensorErrors.fail("dtype", {
        place: "array",
        expected: `${dtypeTable[dtype].array.name} for ${dtype}`,
        received: source.data.constructor.name,
      });
    const memory = this.backend.allocate(source.shape, dtype);
    await memory.write(source.data);
    return new DeviceArray(memory);
  }

  /** An array full of one value. */
  full(shape: Shape, value: number, dtype: DType = "f32"): Promise<DeviceArray> {
    return this.array(fromNumbers(new Float64Array(sizeOf(shape)).fill(value), dtype), dtype, shape);
  }
  /** An array full of zeros; on the CPU it takes memory as it is used and not before. */
  async zeros(shape: Shape, dtype: DType = "f32"): Promise<DeviceArray> {
    const memory = this.backend.zeros?.(shape, dtype);
    if (memory) return new DeviceArray(memory);
    return this.array(new dtypeTable[dtype].array(new ArrayBuffer(sizeOf(shape) * dtypeTable[dtype].sizeBytes)), dtype, shape);
  }

  /** Frees memory that is kept for reuse. Arrays and programs are disposed by whoever made them. */
  dispose(): void {
    this.backend.dispose();
  }
}

/** Opens a device: `cpu` (ONNX Runtime), `webgpu` (where an adapter exists), `reference` (plain TypeScript, slow). */
export function openDevice(name: DeviceName = "cpu", options: DeviceOptions = {}): Device {
  if (!deviceNames.includes(name))
    throw tensorErrors.fail("device", { place: "device", expected: `one of ${deviceNames.join(", ")}`, received: `"${name}"` });
  return new Device(name, backends[name](options));
}
