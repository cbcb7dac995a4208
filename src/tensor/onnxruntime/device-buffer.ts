/**
 * A tensor in a device's memory: parameters and state stay there between runs. JavaScript reaches its elements only by copying, which a
 * program of one Identity does: bound to host memory on one side and device memory on the other, ONNX Runtime copies between them.
 * (`CopyTensors` of its C API knows plug-in providers only, and crashes on the built-in WebGPU one.)
 */
import { bytesOf, type DType, dtypeTable, sizeOf, type TypedArray } from "../dtype.ts";
import { writeModel } from "../onnx/index.ts";
import { type Bindable, checkEngineShape, createValue, forgottenBuffers, HeldBuffers } from "./binding.ts";
import { intList } from "./c-strings.ts";
import { engineErrors } from "./errors.ts";
import type { Library, Pointer } from "./library.ts";
import { Memory } from "./memory.ts";
import { type BufferHost, NativeBuffer } from "./native-buffer.ts";
import type { EngineSession } from "./session.ts";

/** What the device offers: made once a runtime, kept as long as it. */
export class EngineDevice {
  readonly host: BufferHost;
  /** OrtMemoryInfo of the device's memory. */
  readonly memoryInfo: Pointer;
  readonly #allocator: Pointer;
  readonly #createSession: (model: Uint8Array) => EngineSession;
  readonly #copiers = new Map<DType, EngineSession>();

  /** `memoryName` is the provider's name for its memory. */
  constructor(host: BufferHost, memoryName: string, createSession: (model: Uint8Array) => EngineSession) {
    const { library } = host;
    this.host = host;
    this.#createSession = createSession;
    this.memoryInfo = library.create("CreateMemoryInfo", memoryName, 0, 0, 0);
    // The allocator lives in a session and dies with it: this one stays.
    this.#allocator = library.create("CreateAllocator", this.copier("f32").pointer, this.memoryInfo);
  }

  /** A program that copies any number of elements. */
  copier(dtype: DType): EngineSession {
    let session = this.#copiers.get(dtype);
    if (!session) {
      const port = { dtype, shape: ["n"] };
      session = this.#createSession(
        writeModel({
          nodes: [{ op: "Identity", inputs: ["from"], outputs: ["to"] }],
          inputs: [{ name: "from", ...port }],
          outputs: [{ name: "to", ...port }],
          initializers: [],
        }),
      );
      this.#copiers.set(dtype, session);
    }
    return session;
  }

  /** Device memory as an OrtValue that owns it, and where it is. */
  allocate(dtype: DType, elements: number): { readonly owner: Pointer; readonly at: Pointer } {
    const { library } = this.host;
    const dimensions = intList(library, [Math.max(1, elements)]);
    const owner = library.create("CreateTensorAsOrtValue", this.#allocator, dimensions.pointer, 1, dtypeTable[dtype].onnx);
    void dimensions.keep;
    return { owner, at: library.create("GetTensorMutableData", owner) };
  }
}

export class DeviceBuffer implements Bindable {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly sizeBytes: number;
  readonly offsetBytes = 0;
  readonly #device: EngineDevice;
  readonly #at: Pointer;
  readonly #held: HeldBuffers;

  private constructor(device: EngineDevice, memory: Memory, at: Pointer, dtype: DType, shape: readonly number[]) {
    const library: Library = device.host.library;
    this.dtype = dtype;
    this.shape = Object.freeze([...shape]);
    this.sizeBytes = bytesOf(shape, dtype);
    this.#device = device;
    this.#at = at;
    this.#held = new HeldBuffers(library, memory, createValue(library, device.memoryInfo, at, dtype, shape));
    forgottenBuffers.register(this, this.#held, this.#held);
  }

  /** Device memory for a tensor; what it holds at first is anything. */
  static allocate(device: EngineDevice, dtype: DType, shape: readonly number[]): DeviceBuffer {
    checkEngineShape("allocate", dtype, shape);
    const { owner, at } = device.allocate(dtype, sizeOf(shape));
    return new DeviceBuffer(device, new Memory(() => device.host.library.raw("ReleaseValue", owner)), at, dtype, shape);
  }

  get library(): Library {
    return this.#device.host.library;
  }

  get disposed(): boolean {
    return this.#held.disposed;
  }

  #live(): HeldBuffers {
    if (this.#held.disposed)
      throw engineErrors.fail("disposed", { place: `${this.dtype} [${this.shape.join(", ")}]`, message: "the buffer was disposed" });
    return this.#held;
  }

  get memory(): Memory {
    return this.#live().memory;
  }

  get value(): Pointer {
    return this.#live().value;
  }

  /** Another tensor over the whole of the same memory. */
  view(shape: readonly number[], dtype: DType = this.dtype): DeviceBuffer {
    const { memory } = this;
    checkEngineShape("view", dtype, shape);
    if (bytesOf(shape, dtype) !== this.sizeBytes)
      throw engineErrors.fail("shape", {
        place: `view of ${this.dtype} [${this.shape.join(", ")}]`,
        expected: `all of its ${this.sizeBytes} bytes`,
        received: `${bytesOf(shape, dtype)} bytes for ${dtype} [${shape.join(", ")}]`,
      });
    return new DeviceBuffer(this.#device, memory, this.#at, dtype, shape);
  }

  async #copy(way: "in" | "out", host: NativeBuffer): Promise<void> {
    if (this.sizeBytes === 0) return;
    const flat = this.view([sizeOf(this.shape)]);
    const run = this.#device.copier(this.dtype).prepare({ from: way === "in" ? host : flat }, { to: way === "in" ? flat : host });
    try {
      await run.async();
    } finally {
      run.dispose();
      flat.dispose();
    }
  }

  /** Copies elements in. Throws `onnxruntime/shape` for another number of them, `onnxruntime/busy` while a run uses the buffer. */
  async write(data: TypedArray): Promise<void> {
    this.#live();
    const host = NativeBuffer.allocate(this.#device.host, this.dtype, [sizeOf(this.shape)]);
    try {
      if (!(data instanceof dtypeTable[this.dtype].array) || data.length !== host.array.length)
        throw engineErrors.fail("shape", {
          place: "write",
          expected: `${host.array.length} elements in a ${dtypeTable[this.dtype].array.name}`,
          received: `${data.length} in a ${data.constructor.name}`,
        });
      (host.array as { set(from: TypedArray): void }).set(data);
      await this.#copy("in", host);
    } finally {
      host.dispose();
    }
  }

  /** Copies the elements out, after everything that was started before on this device. */
  async read(): Promise<TypedArray> {
    this.#live();
    const host = NativeBuffer.allocate(this.#device.host, this.dtype, [sizeOf(this.shape)]);
    try {
      await this.#copy("out", host);
      return host.array.slice() as TypedArray;
    } finally {
      host.dispose();
    }
  }

  beginUse(): void {
    this.#live().beginUse();
  }

  endUse(): void {
    this.#held.endUse();
  }

  /** Lets the memory go, when the last run that uses it has ended. Twice is allowed. */
  dispose(): void {
    if (this.#held.disposed) return;
    forgottenBuffers.unregister(this.#held);
    this.#held.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}
