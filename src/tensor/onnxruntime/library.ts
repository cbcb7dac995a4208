/**
 * The one file that touches native code: finds ONNX Runtime's shared library, loads it through koffi, and calls its C functions by
 * name. It knows C strings, pointers and status codes, and nothing of sessions. Everything above passes pointers as bigints.
 */
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { type Koffi, type LibraryHandle, loadKoffi } from "../koffi.ts";
import { apiNames, apiVersion } from "./api-names.ts";
import { type ApiName, apiSignatures } from "./api-signatures.ts";
import { engineErrors } from "./errors.ts";
import { createNativeQueue, nativeSlots } from "./native-queue.ts";

export type Pointer = bigint;
export type NativeArgument = Pointer | number | boolean | string | null | (Pointer | number | bigint | null)[];

/** What `onnxruntime-node` ships; glibc on Linux. */
const libraryFiles: Readonly<Record<string, string>> = {
  "linux-x64": "linux/x64/libonnxruntime.so.1",
  "linux-arm64": "linux/arm64/libonnxruntime.so.1",
  "darwin-arm64": "darwin/arm64/libonnxruntime.1.dylib",
  "win32-x64": "win32/x64/onnxruntime.dll",
  "win32-arm64": "win32/arm64/onnxruntime.dll",
};

type NativeFunction = ((...args: NativeArgument[]) => unknown) & {
  async: (...args: (NativeArgument | ((error: unknown, result: unknown) => void))[]) => void;
};

export interface Library {
  readonly path: string;
  /** Of ONNX Runtime, "1.30.0". */
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

/** The file name of the library below the package's `bin/napi-v*`. Throws `onnxruntime/platform` where none exists. */
export function libraryFile(platform: string, arch: string, musl: boolean): string {
  const file = libraryFiles[`${platform}-${arch}`];
  if (file && !musl) return file;
  throw engineErrors.fail("platform", {
    place: "onnxruntime-node",
    expected: `one of ${Object.keys(libraryFiles).join(", ")} (Linux with glibc)`,
    received: `${platform}-${arch}${musl ? " with musl" : ""}`,
    hint: musl
      ? "Use an image with glibc, such as node:20-slim in place of node:20-alpine."
      : "Run on one of these, or set LOAM_ONNXRUNTIME to the path of a libonnxruntime >= 1.24 built for this machine.",
  });
}

/** Asked only when loading failed: the report takes some 15 ms. */
function isMusl(): boolean {
  if (process.platform !== "linux") return false;
  const report = process.report.getReport() as { header?: { glibcVersionRuntime?: string } };
  return !report.header?.glibcVersionRuntime;
}

const require = createRequire(import.meta.url);

function findLibrary(): string {
  const given = process.env.LOAM_ONNXRUNTIME;
  if (given) {
    if (existsSync(given)) return given;
    throw engineErrors.fail("library", { place: "LOAM_ONNXRUNTIME", expected: "the path of an existing file", received: `"${given}"` });
  }
  const file = libraryFile(process.platform, process.arch, false);
  let folder: string;
  try {
    folder = dirname(require.resolve("onnxruntime-node/package.json"));
  } catch (error) {
    throw engineErrors.fail(
      "library",
      { place: "onnxruntime-node", expected: "the installed package", received: "none", hint: "Run npm install." },
      error,
    );
  }
  const path = join(folder, "bin", "napi-v6", file);
  if (existsSync(path)) return path;
  throw engineErrors.fail("library", {
    place: "onnxruntime-node",
    expected: `the file ${path}`,
    received: "none",
    hint: "Reinstall the package: npm ci.",
  });
}

/** OrtErrorCode, as far as it means something of its own to Loam. */
const codes: Readonly<Record<number, "model" | "notSupported">> = { 4: "model", 7: "model", 9: "notSupported", 10: "model" };

function open(): Library {
  const path = findLibrary();
  let koffi: Koffi;
  let handle: LibraryHandle;
  let base: Pointer;
  try {
    koffi = loadKoffi();
    handle = koffi.load(path);
    base = handle.func("void *OrtGetApiBase()")() as Pointer;
  } catch (error) {
    if (isMusl()) libraryFile(process.platform, process.arch, true);
    throw engineErrors.fail("library", { place: path, message: `cannot be loaded: ${(error as Error).message}` }, error);
  }
  // A collected handle unloads the library under the functions: it is kept reachable for as long as the process lives.
  const keep = globalThis as typeof globalThis & { [key: symbol]: unknown[] | undefined };
  const key = Symbol.for("loam.onnxruntime.handles");
  keep[key] = [...(keep[key] ?? []), handle];

  const [getApi, getVersion] = koffi.decode(base, koffi.array("void *", 2)) as [Pointer, Pointer];
  const version = koffi.decode(getVersion, koffi.proto("const char *()"))() as string;
  const api = koffi.decode(getApi, koffi.proto("void *(uint32_t version)"))(apiVersion) as Pointer | null;
  if (api === null)
    throw engineErrors.fail("library", {
      place: path,
      expected: `ONNX Runtime 1.${apiVersion} or newer`,
      received: version,
      hint: "Install the version of onnxruntime-node that package.json names.",
    });
  const table = koffi.decode(api, koffi.array("void *", apiNames.length)) as Pointer[];

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
  const queue = createNativeQueue(nativeSlots(process.env.UV_THREADPOOL_SIZE));
  const callAsync = (keep: readonly object[], name: ApiName, ...args: NativeArgument[]) =>
    queue.run(
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
  let trim: (() => void) | undefined;
  /** glibc's function, among the symbols that the process has already. */
  const findTrim = (): (() => void) => {
    try {
      const own = koffi.load(null);
      keep[key]!.push(own);
      const mallocTrim = own.func("int malloc_trim(size_t pad)");
      return () => void mallocTrim(0);
    } catch {
      return () => {}; // no glibc, no such function
    }
  };
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
      trim ??= process.platform === "linux" ? findTrim() : () => {};
      trim();
    },
  };
}

let library: Library | undefined;

/** The library, loaded at the first call (some 30 ms) and then for good. Throws `onnxruntime/platform` or `onnxruntime/library`. */
export function loadLibrary(): Library {
  library ??= open();
  return library;
}

/** `Library.trimMemory` where the library was loaded at all. */
export const trimNativeMemory = (): void => library?.trimMemory();
