/** Devices: opened by name with their options; they make arrays, and `compile` runs programs on them. */
import type { Backend, Capabilities } from "./backend.ts";
import { DeviceArray } from "./device-array.ts";
import { type DeviceName, deviceNames, type FixedDeviceName, isDeviceName, pjrtName } from "./device-names.ts";
import { bytesOf, type DType, dtypeTable, sizeOf, type TypedArray } from "./dtype.ts";
import { checkSpec, elementsOf, flatten, type Nested, numbersAs } from "./elements.ts";
import { tensorErrors } from "./errors.ts";
import { type OnnxBackendOptions, onnxBackend } from "./onnx-backend/index.ts";
import { findPlugin, loadPlugin } from "./pjrt/index.ts";
import { type PjrtBackendOptions, pjrtBackend, type RecordedProgram, recordingBackend } from "./pjrt-backend/index.ts";
import { referenceBackend } from "./reference-backend.ts";
import type { Shape } from "./shape.ts";

export type DeviceOptions = Omit<OnnxBackendOptions, "provider"> & Pick<PjrtBackendOptions, "plugin" | "executables">;

/** Which backend a device name stands for; a new backend is a row. */
const backends: { readonly [N in FixedDeviceName]: (options: DeviceOptions) => Backend } = {
  cpu: options => onnxBackend({ ...options, provider: "cpu" }),
  webgpu: options => onnxBackend({ ...options, provider: "webgpu" }),
  cuda: options => onnxBackend({ ...options, provider: "cuda" }),
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
    const nested = ArrayBuffer.isView(value) ? { flat: value, shape: [value.length] } : flatten("array", value);
    const of = shape ?? nested.shape;
    checkSpec("array", of, dtype);
    const data = elementsOf("array", nested.flat as TypedArray | readonly number[], dtype, sizeOf(of));
    const memory = this.backend.allocate(of, dtype);
    await memory.write(data);
    return new DeviceArray(memory);
  }

  /** An array full of one value. */
  async full(shape: Shape, value: number, dtype: DType = "f32"): Promise<DeviceArray> {
    checkSpec("full", shape, dtype);
    const one = numbersAs("full", [value], dtype)[0]!;
    const memory = this.backend.allocate(shape, dtype);
    const data = memory.host() ?? new dtypeTable[dtype].array(new ArrayBuffer(bytesOf(shape, dtype)));
    (data as { fill(x: number | bigint): unknown }).fill(one);
    if (!memory.host()) await memory.write(data);
    return new DeviceArray(memory);
  }
  /** An array full of zeros; on the CPU it takes memory as it is used and not before. */
  async zeros(shape: Shape, dtype: DType = "f32"): Promise<DeviceArray> {
    checkSpec("zeros", shape, dtype);
    const memory = this.backend.zeros?.(shape, dtype);
    return memory ? new DeviceArray(memory) : this.full(shape, 0, dtype);
  }

  /** Frees memory that is kept for reuse. Arrays and programs are disposed by whoever made them. */
  dispose(): void {
    this.backend.dispose();
  }
}

/**
 * Opens a device: `cpu` (ONNX Runtime), `webgpu` (where an adapter exists), `cuda` (ONNX Runtime built for it), `reference` (plain TypeScript, slow), or a PJRT plugin: `pjrt:cpu`,
 * `pjrt:tpu`, `pjrt:cuda`, `pjrt:PATH`. Throws `tensor/device`, or what the engine says where the machine lacks it.
 */
export function openDevice(name: DeviceName = "cpu", options: DeviceOptions = {}): Device {
  if (!isDeviceName(name))
    throw tensorErrors.fail("device", {
      place: "device",
      expected: `one of ${deviceNames.join(", ")}`,
      received: typeof name === "string" ? `"${name}"` : typeof name,
    });
  const plugin = pjrtName(name);
  return new Device(name, plugin === undefined ? backends[name as FixedDeviceName](options) : pjrtBackend(plugin, options));
}

/** What computes on a PJRT device, as a run's record says it; undefined for other devices. Throws `pjrt/plugin` where it cannot be loaded. */
export function pluginVersion(name: string): string | undefined {
  const plugin = pjrtName(name);
  return plugin === undefined ? undefined : `PJRT ${loadPlugin(findPlugin(plugin)).version}`;
}

/**
 * A device that computes nothing and keeps the programs that are compiled for it: what runs on it in order (a training step) says which programs it needs,
 * to be compiled ahead of time (`compileAhead`) for a platform ("cpu", "tpu"). Arrays take no memory and read as zeros.
 */
export const recordingDevice = (onProgram: (program: RecordedProgram) => void, platform: string): Device =>
  new Device("pjrt:recording", recordingBackend(onProgram, platform));
