/**
 * The one file that touches native code: loads ONNX Runtime's shared library through koffi, and calls its C functions by name. It knows
 * C strings, pointers and status codes, and nothing of sessions. Everything above passes pointers as bigints.
 */
import { type Koffi, type LibraryHandle, loadKoffi } from "../../machine/index.ts";
import { apiNames, apiVersion } from "./api-names.ts";
import { type ApiName, apiSignatures } from "./api-signatures.ts";
import { engineErrors } from "./errors.ts";
import { findLibrary, libraryOf } from "./find-library.ts";
import { nativeQueue } from "./native-queue.ts";
import type { Provider } from "./provider.ts";

export type Pointer = bigint;
type NativeArgument = Pointer | number | boolean | string | null | (Pointer | number | bigint | null)[];

type NativeFunction = ((...args: NativeArgument[]) => unknown) & {
  async: (...args: (NativeArgument | ((error: unknown, result: unknown) => void))[]) => void;
};

export interface Library {
  readonly path: string;
  /** Of ONNX Runtime, "1.28.2". */
  readonly version: string;
  /** Where the table of its functions is, for native code; `apiIndex` numbers them. */
  readonly api: Pointer;
  /** Calls a function and returns its result as it is; no status is looked at. */
  raw(name: ApiName, ...args: NativeArgument[]): unknown;
  /** Calls a function that returns a status; throws what it reports. */
  call(name: ApiName, ...args: NativeArgument[]): void;
  /** Calls a function whose last parameter is an output, and returns that pointer. */
  create(name: ApiName, ...args: NativeArgument[]): Pointer;
  /** The same for an integer output. */
  number(name: ApiName, ...args: NativeArgument[]): number;
  /** `call` on a thread of Node's pool, when one of ours is free. `keep` is what the arguments point to: it stays reachable until the call has ended. */
  callAsync(keep: readonly object[], name: ApiName, ...args: NativeArgument[]): Promise<void>;
  createAsync(keep: readonly object[], name: ApiName, ...args: NativeArgument[]): Promise<Pointer>;
  /** Where memory lies, valid as long as the array is reachable. */
  addressOf(memory: Uint8Array | BigUint64Array | BigInt64Array): Pointer;
  /** Text of a zero-terminated C string. */
  text(pointer: Pointer): string;
  /** Pointers that lie one after another at a place. */
  pointers(at: Pointer, count: number): Pointer[];
  /** Pages that C's allocator holds and nobody uses go back to the system. glibc keeps them otherwise; nothing is done elsewhere. */
  trimMemory(): void;
}

/** A function's place in the table of functions. */
export const apiIndex = (name: (typeof apiNames)[number]): number => apiNames.indexOf(name);

/** Asked only when loading failed: the report takes some 15 ms. */
function isMusl(): boolean {
  if (process.platform !== "linux") return false;
  const report = process.report.getReport() as { header?: { glibcVersionRuntime?: string } };
  return !report.header?.glibcVersionRuntime;
}

/** OrtErrorCode, as far as it means something of its own to Loam. */
const codes: Readonly<Record<number, "model" | "notSupported">> = { 4: "model", 7: "model", 9: "notSupported", 10: "model" };

/** A collected handle unloads the library under the functions: it is kept reachable for as long as the process lives. */
function keepHandle(handle: LibraryHandle): void {
  const keep = globalThis as typeof globalThis & { [key: symbol]: unknown[] | undefined };
  const key = Symbol.for("loam.onnxruntime.handles");
  keep[key] = [...(keep[key] ?? []), handle];
}

/** Loads a library and finds the table of its functions. */
function openApi(path: string) {
  let koffi: Koffi;
  let handle: LibraryHandle;
  let base: Pointer;
  try {
    koffi = loadKoffi();
    handle = koffi.load(path);
    base = handle.func("void *OrtGetApiBase()")() as Pointer;
  } catch (error) {
    if (isMusl()) libraryOf(process.platform, process.arch, true);
    throw engineErrors.fail("library", { place: path, message: `cannot be loaded: ${(error as Error).message}` }, error);
  }
  keepHandle(handle);

  const [getApi, getVersion] = koffi.decode(base, koffi.array("void *", 2)) as [Pointer, Pointer];
  const version = koffi.decode(getVersion, koffi.proto("const char *()"))() as string;
  const api = koffi.decode(getApi, koffi.proto("void *(uint32_t version)"))(apiVersion) as Pointer | null;
  if (api === null)
    throw engineErrors.fail("library", {
      place: path,
      expected: `ONNX Runtime 1.${apiVersion} or newer`,
      received: version,
      hint: "Run npm install, or let LOAM_ONNXRUNTIME name a newer library.",
    });
  const table = koffi.decode(api, koffi.array("void *", apiNames.length)) as Pointer[];
  return { koffi, version, api, table };
}

/** Calls of the table's functions, whose statuses become errors. */
function callsOf(koffi: Koffi, table: readonly Pointer[]) {
  const functions = new Map<ApiName, NativeFunction>();
  const find = (name: ApiName): NativeFunction => {
    let f = functions.get(name);
    if (!f) {
      f = koffi.decode(table[apiNames.indexOf(name)]!, koffi.proto(apiSignatures[name])) as NativeFunction;
      functions.set(name, f);
    }
    return f;
  };
  const check = (name: ApiName, status: unknown): void => {
    if (status === null) return;
    const code = find("GetErrorCode")(status as Pointer) as number;
    const message = (find("GetErrorMessage")(status as Pointer) as string).trim();
    find("ReleaseStatus")(status as Pointer);
    const kind = /Available memory of \d+ is smaller|Failed to allocate|bad_alloc/i.test(message)
      ? "outOfMemory"
      : (codes[code] ?? "native");
    throw engineErrors.fail(kind, { place: `ONNX Runtime ${name}`, message });
  };
  const call = (name: ApiName, ...args: NativeArgument[]) => check(name, find(name)(...args));
  const inFlight = new Set<readonly object[]>();
  const callAsync = (keep: readonly object[], name: ApiName, ...args: NativeArgument[]) =>
    nativeQueue.run(
      () =>
        new Promise<void>((resolve, reject) => {
          const kept = [...keep];
          inFlight.add(kept);
          find(name).async(...args, (error, status) => {
            inFlight.delete(kept);
            try {
              if (error) throw error;
              check(name, status);
              resolve();
            } catch (failure) {
              reject(failure);
            }
          });
        }),
    );
  return { find, call, callAsync };
}

/** glibc's function, among the symbols that the process has already. */
function findTrim(koffi: Koffi): () => void {
  try {
    const own = koffi.load(null);
    keepHandle(own);
    const mallocTrim = own.func("int malloc_trim(size_t pad)");
    return () => void mallocTrim(0);
  } catch {
    return () => {}; // no glibc, no such function
  }
}

function open(path: string): Library {
  const { koffi, version, api, table } = openApi(path);
  const { find, call, callAsync } = callsOf(koffi, table);
  let trim: (() => void) | undefined;
  return {
    path,
    version,
    api,
    raw: (name, ...args) => find(name)(...args),
    call,
    create: (name, ...args) => {
      const box: (Pointer | null)[] = [null];
      call(name, ...args, box);
      return box[0]!;
    },
    number: (name, ...args) => {
      const box: (number | bigint)[] = [0];
      call(name, ...args, box);
      return Number(box[0]);
    },
    callAsync,
    createAsync: async (keep, name, ...args) => {
      const box: (Pointer | null)[] = [null];
      await callAsync(keep, name, ...args, box);
      return box[0]!;
    },
    addressOf: memory => {
      // Typed arrays of 64 bytes or less live on a heap that moves, until their buffer is asked for.
      void memory.buffer;
      return koffi.address(memory);
    },
    text: pointer => koffi.decode.string(pointer),
    pointers: (at, count) => (count === 0 ? [] : (koffi.decode(at, koffi.array("void *", count)) as Pointer[])),
    trimMemory: () => {
      trim ??= process.platform === "linux" ? findTrim(koffi) : () => {};
      trim();
    },
  };
}

const libraries = new Map<string, Library>();
const pathOf: Partial<Record<Provider, string>> = {};

/**
 * A provider's library, loaded at the first call (some 30 ms) and then for good. Two providers of one process may have two: what one of them
 * made must not be given to the other. Throws `onnxruntime/platform`, `onnxruntime/library` or `onnxruntime/provider`.
 */
export function loadLibrary(provider: Provider = "cpu"): Library {
  pathOf[provider] ??= findLibrary(provider);
  const path = pathOf[provider];
  const library = libraries.get(path) ?? open(path);
  libraries.set(path, library);
  return library;
}

/** `Library.trimMemory` where a library was loaded at all; the memory is the process's. */
export const trimNativeMemory = (): void => libraries.values().next().value?.trimMemory();

/** Of ONNX Runtime, by asking the library. Throws as `loadLibrary` does. */
export const engineVersion = (provider: Provider = "cpu"): string => loadLibrary(provider).version;
