/**
 * The one file of PJRT that touches native code: loads a plugin's shared library through koffi, calls the functions of its table by name with
 * their argument structures, turns what they report into errors. It knows addresses and blocks of memory, nothing of clients or buffers.
 */
import { type Koffi, type LibraryHandle, loadKoffi } from "../../machine/index.ts";
import { nativeQueue } from "../onnxruntime/index.ts";
import { pjrtErrors } from "./errors.ts";
import { pjrtFunctions } from "./function-names.ts";
import { blockBytes, type CalledFunction, type FieldValues, pointedStructs, readFields, structs, writeFields } from "./structs.ts";

type Address = bigint;
type Arguments<K extends CalledFunction> = FieldValues<(typeof structs)[K]>;

export interface PjrtApi {
  readonly path: string;
  /** Of the C API that the plugin was built with, "0.106". */
  readonly version: string;
  /** Does the plugin's table have this function? */
  has(name: CalledFunction): boolean;
  /** Calls a function; gives its structure as the plugin left it. `keep` is memory that the arguments point to: nothing else holds it in the call. */
  call<K extends CalledFunction>(name: K, args: Partial<Arguments<K>>, keep?: readonly object[]): Arguments<K>;
  /** The same on a thread of Node's pool. `keep` is what the arguments point to. */
  callAsync<K extends CalledFunction>(keep: readonly object[], name: K, args: Partial<Arguments<K>>): Promise<Arguments<K>>;
  /** Calls a function of the plugin's own that takes an address and gives nothing, such as the one that frees a result. */
  callPlain(at: Address, argument: Address): void;
  /** A structure that arguments point to, and where it is; valid as long as the memory is reachable. */
  part<K extends keyof typeof pointedStructs>(name: K, values: Partial<FieldValues<(typeof pointedStructs)[K]>>): NativeBlock;
  /** Where memory lies, valid as long as the array is reachable. */
  addressOf(memory: ArrayBufferView): Address;
  /** Addresses that lie one after another. */
  addresses(at: Address, count: number): Address[];
  text(at: Address, size: number): string;
  /** A copy of native memory. */
  bytes(at: Address, size: number): Uint8Array<ArrayBuffer>;
}

export interface NativeBlock {
  readonly address: Address;
  readonly memory: Uint8Array<ArrayBuffer>;
}

/** Places of the table's first function, of the version's two numbers. */
const [tableAt, majorAt, minorAt] = [40n, 32n, 36n];
/** The function without which nothing can be run or compiled ahead of time. */
const lastNeeded = "Compile" satisfies CalledFunction;

/** A collected handle unloads the library under the functions: it is kept reachable for as long as the process lives. */
function keepHandle(handle: LibraryHandle): void {
  const keep = globalThis as typeof globalThis & { [key: symbol]: unknown[] | undefined };
  const key = Symbol.for("loam.pjrt.handles");
  keep[key] = [...(keep[key] ?? []), handle];
}

function loadTable(koffi: Koffi, path: string): Address {
  let handle: LibraryHandle;
  try {
    handle = koffi.load(path);
  } catch (error) {
    throw pjrtErrors.fail(
      "plugin",
      { place: path, message: `cannot be loaded: ${(error as Error).message}`, hint: "Check that the file is built for this system." },
      error,
    );
  }
  keepHandle(handle);
  try {
    return handle.func("void *GetPjrtApi()")() as Address;
  } catch (error) {
    throw pjrtErrors.fail(
      "plugin",
      {
        place: path,
        expected: "a PJRT plugin, which has the function GetPjrtApi",
        received: "a library without it",
        hint: "Name the plugin's own library, for example libpjrt_cpu.so.",
      },
      error,
    );
  }
}

type PjrtCode = keyof (typeof pjrtErrors)["rows"];
/** Absl's status codes, as far as they mean something of their own to Loam. */
const codes: Readonly<Record<number, PjrtCode>> = { 3: "program", 8: "outOfMemory", 12: "notSupported" };
/** What a failure of these means, whatever its code; of the others the code says it. */
const kindOfCall: { readonly [K in CalledFunction]?: PjrtCode } = {
  Client_Create: "device",
  TopologyDescription_Create: "option",
};
/** The same where the code says nothing. */
const otherwise: { readonly [K in CalledFunction]?: PjrtCode } = { Client_Compile: "program", Compile: "program" };

type NativeCall = ((args: Uint8Array) => Address | null) & {
  async(args: Uint8Array, done: (error: unknown, result: Address | null) => void): void;
};

/** The table of a plugin that is loaded: its functions, looked up when they are first called. */
export class PjrtTable {
  readonly #koffi: Koffi;
  readonly #api: Address;
  readonly #sizeBytes: number;
  readonly #functions = new Map<CalledFunction, NativeCall>();
  readonly path: string;
  readonly version: string;

  constructor(koffi: Koffi, api: Address, path: string) {
    this.#koffi = koffi;
    this.#api = api;
    this.path = path;
    const int = (at: Address) => koffi.decode(api + at, "int32_t") as number;
    this.version = `${int(majorAt)}.${int(minorAt)}`;
    this.#sizeBytes = Number(koffi.decode(api, "uint64_t"));
    if (int(majorAt) !== 0 || !this.has(lastNeeded))
      throw pjrtErrors.fail("version", {
        place: path,
        expected: "a plugin of PJRT's C API 0.33 or a later 0.x",
        received: this.version,
        hint: "Install another version of the plugin's package.",
      });
  }

  #place(name: CalledFunction): Address {
    return tableAt + 8n * BigInt(pjrtFunctions.indexOf(name));
  }
  has(name: CalledFunction): boolean {
    return this.#place(name) + 8n <= BigInt(this.#sizeBytes) && this.#koffi.decode(this.#api + this.#place(name), "void *") !== null;
  }

  find(name: CalledFunction): NativeCall {
    let f = this.#functions.get(name);
    if (f) return f;
    if (!this.has(name))
      throw pjrtErrors.fail("notSupported", { place: `PJRT ${name}`, message: `the plugin (API ${this.version}) has no such function` });
    f = this.#koffi.decode(
      this.#koffi.decode(this.#api + this.#place(name), "void *"),
      this.#koffi.proto("void *(void *args)"),
    ) as NativeCall;
    this.#functions.set(name, f);
    return f;
  }

  text(at: Address, size: number): string {
    return size === 0 ? "" : Buffer.from(this.#koffi.view(at, size)).toString();
  }

  /** Throws what a function reported. */
  check(name: CalledFunction, error: Address | null): void {
    if (error === null) return;
    const about = <K extends "Error_Message" | "Error_GetCode">(what: K) => {
      const block = blockOf(structs[what], { error } as never); // the two have the field
      this.find(what)(block);
      return readFields(viewOf(block), structs[what]) as Arguments<K>;
    };
    const { message, message_size } = about("Error_Message");
    const words = this.text(message, message_size).trim();
    const { code } = about("Error_GetCode");
    this.find("Error_Destroy")(blockOf(structs.Error_Destroy, { error }));
    const kind = kindOfCall[name] ?? codes[code] ?? otherwise[name] ?? "native";
    throw pjrtErrors.fail(kind, { place: `PJRT ${name}`, message: words.length > 2000 ? `${words.slice(0, 2000)} ...` : words });
  }
}

const viewOf = (block: Uint8Array): DataView => new DataView(block.buffer, block.byteOffset, block.byteLength);
function blockOf<F extends Parameters<typeof writeFields>[1]>(fields: F, values: Partial<FieldValues<F>>): Uint8Array<ArrayBuffer> {
  const block = new Uint8Array(new ArrayBuffer(blockBytes));
  writeFields(viewOf(block), fields, values);
  return block;
}

/** What plugins print on standard error of their own accord: failures come back as errors. "0" shows all. */
const logVariable = "TF_CPP_MIN_LOG_LEVEL";

function openPlugin(path: string): PjrtApi {
  const koffi = loadKoffi();
  process.env[logVariable] ??= "3";
  const api = pluginApi(koffi, new PjrtTable(koffi, loadTable(koffi, path), path));
  api.call("Plugin_Initialize", {});
  return api;
}

/** Calls through a table. */
export function pluginApi(koffi: Koffi, table: PjrtTable): PjrtApi {
  const inFlight = new Set<readonly object[]>();
  const plain = koffi.proto("void (void *argument)");
  return {
    path: table.path,
    version: table.version,
    has: name => table.has(name),
    call(name, args, keep = []) {
      const block = blockOf(structs[name], args);
      const kept = [block, ...keep];
      // an address holds nothing: memory that no variable is read of again may be collected before the function has read it
      inFlight.add(kept);
      try {
        table.check(name, table.find(name)(block));
      } finally {
        inFlight.delete(kept);
      }
      return readFields(viewOf(block), structs[name]);
    },
    callAsync: (keep, name, args) =>
      nativeQueue.run(
        () =>
          new Promise((resolve, reject) => {
            const block = blockOf(structs[name], args);
            const kept = [block, ...keep];
            inFlight.add(kept);
            table.find(name).async(block, (error, result) => {
              inFlight.delete(kept);
              try {
                if (error) throw error;
                table.check(name, result);
                resolve(readFields(viewOf(block), structs[name]));
              } catch (failure) {
                reject(failure);
              }
            });
          }),
      ),
    callPlain: (at, argument) => {
      (koffi.decode(at, plain) as (argument: Address) => void)(argument);
    },
    part(name, values) {
      const memory = blockOf(pointedStructs[name], values);
      return { memory, address: koffi.address(memory) };
    },
    addressOf: memory => {
      // typed arrays of 64 bytes or less live on a heap that moves, until their buffer is asked for
      void memory.buffer;
      return koffi.address(memory);
    },
    addresses: (at, count) => (count === 0 ? [] : (koffi.decode(at, koffi.array("void *", count)) as Address[])),
    text: (at, size) => table.text(at, size),
    bytes: (at, size) => new Uint8Array(size === 0 ? new ArrayBuffer(0) : koffi.view(at, size).slice(0)),
  };
}

const opened = new Map<string, PjrtApi>();

/** A plugin, loaded at the first call and then for good. Throws `pjrt/plugin` or `pjrt/version`. */
export function loadPlugin(path: string): PjrtApi {
  const api = opened.get(path) ?? openPlugin(path);
  opened.set(path, api);
  return api;
}
