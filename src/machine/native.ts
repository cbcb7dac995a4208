/**
 * The one file of this module that touches native code: pages of memory from the system, code that may be run, threads that run it. It knows
 * addresses and no kernels. Memory here is never moved and is outside V8's heap, so its addresses may be written into programs.
 */
import { machineFailure } from "./errors.ts";
import { type Koffi, type LibraryHandle, loadKoffi } from "./koffi.ts";

export interface Pages {
  readonly address: bigint;
  readonly buffer: ArrayBuffer;
  /** Gives them back; the buffer must not be touched afterwards. */
  free(): void;
}

type Call = (...args: (bigint | number)[]) => number | bigint;
interface AsyncCall {
  async(...args: (bigint | number | ((error: unknown, result: unknown) => void))[]): void;
}

interface System {
  map(size: number, protection: number): bigint;
  protect: Call;
  unmap: Call;
  advise: Call;
  call: Call;
  startThread(entry: bigint, argument: bigint): number;
  readonly koffi: Koffi;
}

const [read, write, execute] = [1, 2, 4];
const [privateMap, anonymous] = [2, 0x20];
const hugePages = 14;
const hugePageBytes = 2 ** 21;

let opened: System | undefined;
function system(): System {
  if (opened) return opened;
  const koffi = loadKoffi();
  const libc: LibraryHandle = koffi.load(null);
  // a collected handle takes its functions with it
  const keep = globalThis as typeof globalThis & { [key: symbol]: unknown };
  keep[Symbol.for("loam.machine.libc")] = libc;
  const mmap = libc.func("intptr_t mmap(intptr_t at, size_t size, int protection, int flags, int file, int64_t offset)") as Call;
  const create = libc.func("int pthread_create(intptr_t thread, intptr_t attributes, intptr_t entry, intptr_t argument)") as Call;
  const thread = new BigUint64Array(16);
  opened = {
    map: (size, protection) => BigInt(mmap(0, size, protection, privateMap | anonymous, -1, 0)),
    protect: libc.func("int mprotect(intptr_t at, size_t size, int protection)") as Call,
    unmap: libc.func("int munmap(intptr_t at, size_t size)") as Call,
    advise: libc.func("int madvise(intptr_t at, size_t size, int advice)") as Call,
    call: libc.func("long syscall(long number, long a, long b)") as Call,
    startThread: (entry, argument) => Number(create(koffi.address(thread), 0, entry, argument)),
    koffi,
  };
  return opened;
}

const refused = (what: string, hint?: string) =>
  machineFailure({ place: "machine code", expected: what, received: "a refusal of the system", ...(hint ? { hint } : {}) });

/**
 * Zeroed memory, at the start of a page; it is there once it is touched. What is `dense` will be touched all over, and lies in huge pages where
 * the system has them. Errors: tensor/machine.
 */
export function allocatePages(bytes: number, dense = true): Pages {
  const { map, unmap, advise, koffi } = system();
  const size = Math.max(4096, Math.ceil(bytes / 4096) * 4096);
  const address = map(size, read | write);
  if (address === -1n || address === 0n) throw refused(`${size} bytes of memory`, "Serve a smaller model, or fewer and shorter slots.");
  if (dense && size >= hugePageBytes) advise(address, size, hugePages);
  return { address, buffer: koffi.view(address, size), free: () => void unmap(address, size) };
}

/** Gives pages back that machine code asked the system for. */
export const unmapPages = (address: bigint, bytes: number): void => void system().unmap(address, bytes);

/** Linux on x86-64: arch_prctl, its request for a part of the state that is large, and tiles' part. */
const [archPrctl, requestState, tileData] = [158, 0x1023, 18];
/** Asks the system for leave to use tiles in this process; threads begun later have it too. False where it refuses or knows no tiles. */
export const permitTiles = (): boolean => Number(system().call(archPrctl, requestState, tileData)) === 0;

/** Forbids reading and writing of whole pages: what touches them ends the process (tests of bounds). */
export function forbidPages(address: bigint, bytes: number): void {
  if (Number(system().protect(address, bytes, 0)) !== 0) throw refused("leave to forbid pages");
}

/** Memory at an address, which must stay there for as long as the view is used. */
export const viewMemory = (address: bigint, bytes: number): ArrayBuffer => system().koffi.view(address, bytes);

/** Code at an address where it may be run and no longer changed. Errors: tensor/machine on systems that forbid new code. */
export function loadCode(code: Uint8Array): bigint {
  const pages = allocatePages(code.length);
  new Uint8Array(pages.buffer).set(code);
  if (Number(system().protect(pages.address, pages.buffer.byteLength, read | execute)) !== 0) {
    pages.free();
    throw refused("leave to run code that was made here", "A hardened system forbids it; ONNX Runtime serves without.");
  }
  return pages.address;
}

/** A function of machine code that takes numbers or addresses, called on this thread. */
export function machineFunction(address: bigint): (a: bigint | number, b?: bigint | number) => bigint {
  const { koffi } = system();
  const f = koffi.decode(address, koffi.proto("uint64_t (uint64_t a, uint64_t b)")) as (
    a: bigint | number,
    b: bigint | number,
  ) => bigint | number;
  return (a, b = 0) => BigInt(f(a, b));
}

/** A function of machine code over three arrays and a count, called on this thread; the arrays may lie in V8's heap, for they stay where they are meanwhile. */
export function arrayFunction(address: bigint): (x: Float32Array, y: Float32Array, into: Float32Array, count: number) => void {
  const { koffi } = system();
  return koffi.decode(address, koffi.proto("void (void* x, void* y, void* into, size_t count)")) as ReturnType<typeof arrayFunction>;
}

/** The same on a thread of Node's pool. */
export function machineTask(address: bigint): (a: bigint, b: bigint) => Promise<void> {
  const { koffi } = system();
  const f = koffi.decode(address, koffi.proto("uint64_t (uint64_t a, uint64_t b)")) as AsyncCall;
  return (a, b) => new Promise((resolve, reject) => f.async(a, b, error => (error ? reject(error) : resolve())));
}

/** A thread of the system that runs code for as long as the process lives. Errors: tensor/machine. */
export function startThread(entry: bigint, argument: bigint): void {
  if (system().startThread(entry, argument) !== 0) throw refused("another thread", "Ask for fewer threads.");
}
