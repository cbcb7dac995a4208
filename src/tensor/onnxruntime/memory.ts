/**
 * A piece of memory that native code may read and write: who holds it, and which runs use which bytes of it right now. It is freed when
 * its last holder has let go and no run uses it. Host memory is JavaScript's own; device memory is behind `DeviceBuffer`.
 */
import { pinBuffer } from "../host-memory.ts";
import { engineErrors } from "./errors.ts";
import type { Library, Pointer } from "./library.ts";

/** One cache line, and the width of the widest vector registers: kernels read aligned memory faster. */
const alignmentBytes = 64;

/** A range of bytes that a run reads or writes. */
export interface MemoryAccess {
  readonly memory: Memory;
  readonly start: number;
  readonly end: number;
  readonly write: boolean;
  /** The program's input or output, for the error. */
  readonly name: string;
}

export class Memory {
  #holders = 0;
  #inUse: MemoryAccess[] = [];
  #free: (() => void) | undefined;

  /** `free` is called once, at the end. */
  constructor(free: () => void) {
    this.#free = free;
  }

  get freed(): boolean {
    return this.#free === undefined;
  }

  /** Was it taken away from under its address? Native code must not run on it then. */
  get isDetached(): boolean {
    return false;
  }

  hold(): void {
    this.#holders++;
  }

  letGo(): void {
    this.#holders--;
    this.#freeIfUnused();
  }

  /** The access in flight that a new one would race with. */
  conflict(access: MemoryAccess): MemoryAccess | undefined {
    return this.#inUse.find(a => (a.write || access.write) && a.start < access.end && access.start < a.end);
  }

  begin(access: MemoryAccess): void {
    this.#inUse.push(access);
  }

  end(access: MemoryAccess): void {
    const at = this.#inUse.indexOf(access);
    if (at >= 0) this.#inUse.splice(at, 1);
    this.#freeIfUnused();
  }

  #freeIfUnused(): void {
    if (this.#holders > 0 || this.#inUse.length > 0) return;
    this.#free?.();
    this.#free = undefined;
  }
}

export class HostMemory extends Memory {
  readonly address: Pointer;
  readonly sizeBytes: number;
  readonly #held: { bytes: Uint8Array | undefined; isPinned: boolean };

  private constructor(library: Library, bytes: Uint8Array, owned: boolean) {
    const held: { bytes: Uint8Array | undefined; isPinned: boolean } = { bytes, isPinned: false };
    super(() => {
      held.bytes = undefined;
      // Moving the buffer away empties every view that is still around and hands the memory back at the next small collection,
      // whoever holds a view. Pinned memory goes with the last view of it.
      if (owned && !held.isPinned && bytes.buffer instanceof ArrayBuffer) structuredClone(bytes.buffer, { transfer: [bytes.buffer] });
    });
    this.#held = held;
    this.sizeBytes = bytes.byteLength;
    // An empty array has no address; a zero-size tensor wants one that is not null.
    this.address = bytes.byteLength > 0 ? library.addressOf(bytes) : BigInt(alignmentBytes);
  }

  /** Zeroed memory of its own. Throws `onnxruntime/outOfMemory` where the machine has none left. */
  static allocate(library: Library, sizeBytes: number, shared = false): HostMemory {
    const room = sizeBytes + alignmentBytes;
    let buffer: ArrayBuffer | SharedArrayBuffer;
    try {
      buffer = shared ? new SharedArrayBuffer(room) : new ArrayBuffer(room);
    } catch (error) {
      throw engineErrors.fail(
        "outOfMemory",
        { place: "allocate", expected: "memory that the machine has", received: `${sizeBytes} bytes` },
        error,
      );
    }
    const past = Number(library.addressOf(new Uint8Array(buffer)) % BigInt(alignmentBytes));
    const offset = past === 0 ? 0 : alignmentBytes - past;
    return new HostMemory(library, new Uint8Array(buffer, offset, sizeBytes), !shared);
  }

  /** Memory that the caller owns (a mapped file, a shared buffer); it is never freed here, only held reachable. */
  static wrap(library: Library, bytes: Uint8Array): HostMemory {
    return new HostMemory(library, new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength), false);
  }

  /** A view is handed out: the bytes stay where they are as long as it lives. */
  pin(): void {
    const { bytes } = this;
    if (!bytes || this.#held.isPinned) return;
    this.#held.isPinned = true;
    pinBuffer(bytes.buffer);
  }

  get isPinned(): boolean {
    return this.#held.isPinned;
  }

  override get isDetached(): boolean {
    return this.#held.isPinned && this.sizeBytes > 0 && this.bytes?.byteLength === 0;
  }

  /** The bytes; undefined once freed. */
  get bytes(): Uint8Array | undefined {
    return this.#held.bytes;
  }
}
