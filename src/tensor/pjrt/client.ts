/**
 * A plugin's client: its devices, programs compiled for them, arrays in their memory. Runs and copies are asynchronous; whoever calls must keep
 * JavaScript memory reachable no longer than a call takes, since a plugin copies what it is given before it returns.
 */
import { type DType, dtypeTable, sizeOf, type TypedArray } from "../dtype.ts";
import { encodeCompileOptions, type ProgramPlacement } from "./compile-options.ts";
import { CountedHandle } from "./counted-handle.ts";
import { pjrtErrors } from "./errors.ts";
import { type ExecutableStats, executableStats, serializedExecutable } from "./executable-stats.ts";
import { loadPlugin, type PjrtApi } from "./native.ts";
import { type NamedValues, writeNamedValues } from "./options.ts";

/** PJRT_Buffer_Type of each dtype. */
const bufferTypes: { readonly [D in DType]: number } = { bool: 1, i8: 2, i32: 4, i64: 5, u8: 6, f16: 10, f32: 11, bf16: 13 };
const copiesDuringCall = 0;

/** An array in a device's memory. Elements never change: a program that writes over a donated one makes a new buffer of its memory. */
export class PjrtBuffer {
  readonly #api: PjrtApi;
  readonly #handle: CountedHandle;

  constructor(api: PjrtApi, pointer: bigint) {
    this.#api = api;
    this.#handle = new CountedHandle(this, "buffer", pointer, () => api.call("Buffer_Destroy", { buffer: pointer }));
  }

  /** Errors: pjrt/disposed. */
  get pointer(): bigint {
    return this.#handle.pointer;
  }
  /** Keeps the pointer valid while a call on another thread has it, even if the buffer is disposed meanwhile; `release` ends it. */
  hold(): void {
    this.#handle.hold();
  }
  release(): void {
    this.#handle.release();
  }
  /** Was its memory given to a program's result? */
  get isDonated(): boolean {
    return this.#api.call("Buffer_IsDeleted", { buffer: this.pointer }).is_deleted;
  }
  get sizeOnDeviceBytes(): number {
    return this.#api.call("Buffer_OnDeviceSizeInBytes", { buffer: this.pointer }).on_device_size_in_bytes;
  }
  /** An address that tells two memories of a device apart. */
  get memoryAddress(): bigint {
    return this.#api.call("Buffer_UnsafePointer", { buffer: this.pointer }).buffer_pointer;
  }

  /** Copies the elements into memory of their size, row-major. */
  async read(into: TypedArray, rank: number): Promise<void> {
    const order = BigInt64Array.from({ length: Math.max(1, rank) }, (_, i) => BigInt(rank - 1 - i));
    const layout = this.#api.part("TiledLayout", {
      tiled_size: 56,
      minor_to_major: this.#api.addressOf(order),
      minor_to_major_size: rank,
    });
    const kept = [order, layout.memory, into, this];
    const given = { src: this.pointer, host_layout: layout.address, dst: this.#api.addressOf(into), dst_size: into.byteLength };
    const { event } = this.#api.call("Buffer_ToHostBuffer", given, kept);
    this.hold();
    try {
      await awaitEvent(this.#api, event, kept);
    } finally {
      this.release();
    }
  }

  /** Gives the memory back, once runs in flight no longer need it. Twice is allowed. */
  dispose(): void {
    this.#handle.dispose();
  }
}

/** Waits for an event off the JavaScript thread, and throws what it reports. */
async function awaitEvent(api: PjrtApi, event: bigint, keep: readonly object[]): Promise<void> {
  if (event === 0n) return;
  try {
    if (api.call("Event_IsReady", { event }).is_ready) api.call("Event_Await", { event });
    else await api.callAsync(keep, "Event_Await", { event });
  } finally {
    api.call("Event_Destroy", { event });
  }
}

/** A list of addresses as native memory. */
function addressList(addresses: readonly bigint[]): BigUint64Array<ArrayBuffer> {
  const list = new BigUint64Array(new ArrayBuffer(8 * Math.max(1, addresses.length)));
  list.set(addresses);
  return list;
}

/** A program on a client's devices. */
export class PjrtProgram {
  readonly #api: PjrtApi;
  readonly #handle: CountedHandle;
  readonly #outputs: number;

  constructor(api: PjrtApi, pointer: bigint, outputs: number) {
    this.#api = api;
    this.#outputs = outputs;
    this.#handle = new CountedHandle(this, "program", pointer, () => api.call("LoadedExecutable_Destroy", { executable: pointer }));
  }

  /** Size of its code, memory that it takes, and what the compiler expects it to cost. */
  stats(): ExecutableStats {
    return this.#withExecutable(executable => executableStats(this.#api, executable));
  }
  /** The compiled program as bytes, for the same plugin of the same version. */
  serialize(): Uint8Array<ArrayBuffer> {
    return this.#withExecutable(executable => serializedExecutable(this.#api, executable));
  }
  #withExecutable<T>(use: (executable: bigint) => T): T {
    const { executable } = this.#api.call("LoadedExecutable_GetExecutable", { loaded_executable: this.#handle.pointer });
    try {
      return use(executable);
    } finally {
      this.#api.call("Executable_Destroy", { executable });
    }
  }

  /**
   * Runs on each device with its list of arguments; gives each device's results. Arguments that the program takes over (donated) are deleted, but for
   * those whose places are in `keep`.
   */
  async run(argumentLists: readonly (readonly PjrtBuffer[])[], keep: readonly number[] = []): Promise<PjrtBuffer[][]> {
    const api = this.#api;
    const executable = this.#handle.pointer;
    const buffers = argumentLists.flat();
    const given = argumentLists.map(list => addressList(list.map(b => b.pointer)));
    const made = argumentLists.map(() => addressList(new Array<bigint>(this.#outputs).fill(0n)));
    const events = addressList(argumentLists.map(() => 0n));
    const kept = BigInt64Array.from(keep.length ? keep : [0], BigInt);
    const [argumentTable, outputTable] = [given, made].map(lists => addressList(lists.map(l => api.addressOf(l)))) as [
      BigUint64Array<ArrayBuffer>,
      BigUint64Array<ArrayBuffer>,
    ];
    const options = api.part("ExecuteOptions", {
      non_donatable_input_indices: api.addressOf(kept),
      num_non_donatable_input_indices: keep.length,
    });
    const held = [...given, ...made, events, kept, argumentTable, outputTable, options.memory, ...buffers, this];
    this.#handle.hold();
    try {
      for (const b of buffers) b.hold();
      try {
        await api.callAsync(held, "LoadedExecutable_Execute", {
          executable,
          options: options.address,
          argument_lists: api.addressOf(argumentTable),
          num_devices: argumentLists.length,
          num_args: argumentLists[0]!.length,
          output_lists: api.addressOf(outputTable),
          device_complete_events: api.addressOf(events),
        });
      } finally {
        // from here on the plugin keeps what the run reads
        for (const b of buffers) b.release();
      }
      const results = made.map(list => Array.from(list.subarray(0, this.#outputs), pointer => new PjrtBuffer(api, pointer)));
      try {
        for (const event of events) await awaitEvent(api, event, held);
      } catch (error) {
        for (const b of results.flat()) b.dispose();
        throw error;
      }
      return results;
    } finally {
      this.#handle.release();
    }
  }

  /** Frees the program, when its last run has ended. Twice is allowed. */
  dispose(): void {
    this.#handle.dispose();
  }
}

/** One device as its plugin describes it. */
export interface PjrtDeviceInfo {
  readonly id: number;
  /** For example "cpu" or "TPU v5 lite". */
  readonly kind: string;
}

/** Native memory of a program's text, for a compiler. */
export function programBlock(api: PjrtApi, text: string) {
  const [code, format] = [Buffer.from(text), Buffer.from("mlir")].map(bytes => {
    const memory = new Uint8Array(new ArrayBuffer(bytes.byteLength + 8));
    memory.set(bytes);
    return { memory, size: bytes.byteLength, address: api.addressOf(memory) };
  }) as [Sized, Sized];
  const program = api.part("Program", {
    code: code.address,
    code_size: code.size,
    format: format.address,
    format_size: format.size,
  });
  return { program, keep: [code.memory, format.memory, program.memory] };
}
interface Sized {
  readonly memory: Uint8Array<ArrayBuffer>;
  readonly size: number;
  readonly address: bigint;
}

/** What a device says of itself. */
export function describeDevice(api: PjrtApi, description: bigint): PjrtDeviceInfo {
  const { device_kind, device_kind_size } = api.call("DeviceDescription_Kind", { device_description: description });
  const { id } = api.call("DeviceDescription_Id", { device_description: description });
  return { id, kind: api.text(device_kind, device_kind_size) };
}

export class PjrtClient {
  readonly api: PjrtApi;
  readonly #pointer: bigint;
  /** "cpu", "tpu", "cuda". */
  readonly platform: string;
  readonly platformVersion: string;
  /** Devices of this process, in the plugin's order. */
  readonly devices: readonly PjrtDeviceInfo[];
  readonly #devicePointers: readonly bigint[];

  constructor(path: string, options: NamedValues) {
    this.api = loadPlugin(path);
    const { api } = this;
    const named = writeNamedValues(api, options);
    const { client } = api.call("Client_Create", { create_options: named.list.address, num_options: named.count }, named.keep);
    this.#pointer = client;
    const name = api.call("Client_PlatformName", { client });
    this.platform = api.text(name.platform_name, name.platform_name_size);
    const version = api.call("Client_PlatformVersion", { client });
    this.platformVersion = api.text(version.platform_version, version.platform_version_size);
    const found = api.call("Client_AddressableDevices", { client });
    this.#devicePointers = api.addresses(found.addressable_devices, found.num_addressable_devices);
    if (this.#devicePointers.length === 0)
      throw pjrtErrors.fail("device", { place: path, expected: "a device of this machine", received: `none (platform ${this.platform})` });
    this.devices = this.#devicePointers.map(device =>
      describeDevice(api, api.call("Device_GetDescription", { device }).device_description),
    );
  }

  /** Bytes of a device that arrays and programs hold, and its limit, where the plugin counts them. */
  memoryStats(
    device = 0,
  ): { readonly inUseBytes: number; readonly peakBytes: number | undefined; readonly limitBytes: number | undefined } | undefined {
    try {
      const s = this.api.call("Device_MemoryStats", { device: this.#devicePointers[device]! });
      return {
        inUseBytes: s.bytes_in_use,
        peakBytes: s.peak_bytes_in_use_is_set ? s.peak_bytes_in_use : undefined,
        limitBytes: s.bytes_limit_is_set ? s.bytes_limit : undefined,
      };
    } catch {
      return undefined; // plugins may leave it out
    }
  }

  /** Compiles StableHLO text for this client's devices, off the JavaScript thread. `outputs`: results of a device. Throws `pjrt/program`. */
  async compile(text: string, outputs: number, placement: ProgramPlacement = {}): Promise<PjrtProgram> {
    const { api } = this;
    const { program, keep } = programBlock(api, text);
    const options = encodeCompileOptions(placement);
    const { executable } = await api.callAsync([...keep, options], "Client_Compile", {
      client: this.#pointer,
      program: program.address,
      compile_options: api.addressOf(options),
      compile_options_size: options.byteLength,
    });
    return new PjrtProgram(api, executable, outputs);
  }

  /** A program from the bytes that `serialize` gave, of the same plugin and version. */
  load(bytes: Uint8Array, outputs: number): PjrtProgram {
    const memory = new Uint8Array(new ArrayBuffer(bytes.byteLength + 8));
    memory.set(bytes);
    const given = {
      client: this.#pointer,
      serialized_executable: this.api.addressOf(memory),
      serialized_executable_size: bytes.byteLength,
    };
    const { loaded_executable } = this.api.call("Executable_DeserializeAndLoad", given, [memory]);
    return new PjrtProgram(this.api, loaded_executable, outputs);
  }

  /** An array on a device. The elements are copied before this returns; `done` settles when the device has them. */
  upload(
    data: TypedArray,
    dtype: DType,
    shape: readonly number[],
    device = 0,
  ): { readonly buffer: PjrtBuffer; readonly done: Promise<void> } {
    const { api } = this;
    if (data.length !== sizeOf(shape) || !(data instanceof dtypeTable[dtype].array))
      throw pjrtErrors.fail("program", {
        place: "PJRT upload",
        expected: `${sizeOf(shape)} elements in a ${dtypeTable[dtype].array.name}`,
        received: `${data.length} in a ${data.constructor.name}`,
      });
    const dims = BigInt64Array.from(shape.length ? shape : [0], BigInt);
    const given = {
      client: this.#pointer,
      // an empty array has no address; a plugin wants one that is not null
      data: data.byteLength === 0 ? 64n : api.addressOf(data),
      type: bufferTypes[dtype],
      dims: api.addressOf(dims),
      num_dims: shape.length,
      host_buffer_semantics: copiesDuringCall,
      device: this.#devicePointers[device]!,
    };
    const { buffer, done_with_host_buffer } = api.call("Client_BufferFromHostBuffer", given, [data, dims]);
    return { buffer: new PjrtBuffer(api, buffer), done: awaitEvent(api, done_with_host_buffer, [data]) };
  }
}

const clients = new Map<string, PjrtClient>();

/**
 * The client of a plugin with these options; one for the process, since an accelerator belongs to one client.
 * Throws `pjrt/plugin`, `pjrt/version`, `pjrt/device` or `pjrt/option`.
 */
export function openClient(path: string, options: NamedValues = {}): PjrtClient {
  const key = JSON.stringify([path, Object.entries(options).sort()]);
  const client = clients.get(key) ?? new PjrtClient(path, options);
  clients.set(key, client);
  return client;
}
