/**
 * A program bound to buffers, ready to run any number of times: the native argument arrays are built once. `sync` computes on the
 * calling thread; `async` on another one, and the event loop stays free.
 */
import type { Bindable } from "./binding.ts";
import { pointerList, stringList } from "./c-strings.ts";
import { engineErrors } from "./errors.ts";
import type { Library, Pointer } from "./library.ts";
import type { Memory, MemoryAccess } from "./memory.ts";
import type { EngineSession, Port } from "./session.ts";

interface RunParts {
  readonly library: Library;
  readonly session: EngineSession;
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
  readonly inputBuffers: readonly Bindable[];
  readonly outputBuffers: readonly Bindable[];
  readonly inPlace: readonly string[] | "all";
}

export interface AsyncOptions {
  /** Stops the run between two operators; the promise rejects with the signal's reason and the outputs hold anything. */
  readonly signal?: AbortSignal;
  /** Called when nothing stands in the way of the run any more. */
  readonly onBegin?: () => void;
}

interface NativeRunOptions {
  readonly library: Library;
  pointer: Pointer | undefined;
}

const release = (options: NativeRunOptions): void => {
  if (options.pointer !== undefined) options.library.raw("ReleaseRunOptions", options.pointer);
  options.pointer = undefined;
};

const forgotten = new FinalizationRegistry<NativeRunOptions>(release);

const overlap = (a: MemoryAccess, b: MemoryAccess) => a.memory === b.memory && a.start < b.end && b.start < a.end;

/** The ranges that a run reads and writes. Throws where two outputs, or an output and an input, share memory without leave. */
function accesses(parts: RunParts): MemoryAccess[] {
  const access =
    (write: boolean) =>
    (buffer: Bindable, i: number): MemoryAccess => ({
      memory: buffer.memory,
      start: buffer.offsetBytes,
      end: buffer.offsetBytes + buffer.sizeBytes,
      write,
      name: (write ? parts.outputs : parts.inputs)[i]!.name,
    });
  const reads = parts.inputBuffers.map(access(false));
  const writes = parts.outputBuffers.map(access(true));
  const ofMemory = new Map<Memory, MemoryAccess[]>();
  for (const a of [...reads, ...writes]) ofMemory.set(a.memory, [...(ofMemory.get(a.memory) ?? []), a]);
  for (const group of ofMemory.values())
    for (const w of group) {
      if (!w.write) continue;
      for (const other of group) {
        if (other === w || !overlap(w, other)) continue;
        if (other.write)
          throw engineErrors.fail("busy", { place: `output "${w.name}"`, message: `shares its memory with output "${other.name}"` });
        const allowed = parts.inPlace === "all" || parts.inPlace.includes(w.name);
        if (!allowed || w.start !== other.start || w.end !== other.end)
          throw engineErrors.fail("busy", {
            place: `output "${w.name}"`,
            message: `shares ${allowed ? "a part of its" : "its"} memory with input "${other.name}"`,
            hint: allowed ? "In-place needs exactly the same bytes." : 'Say `inPlace: ["..."]` where the program allows it.',
          });
      }
    }
  return [...reads, ...writes];
}

export class EngineRun {
  readonly #parts: RunParts;
  readonly #accesses: readonly MemoryAccess[];
  readonly #buffers: readonly Bindable[];
  readonly #options: NativeRunOptions;
  readonly #arguments: readonly (Pointer | number)[];
  /** What the arguments point to. */
  readonly #keep: readonly object[];
  #running = false;
  #disposed = false;

  constructor(parts: RunParts) {
    const { library } = parts;
    if (parts.inPlace !== "all")
      for (const name of parts.inPlace)
        if (!parts.outputs.some(o => o.name === name))
          throw engineErrors.fail("name", {
            place: "inPlace",
            expected: `outputs of ${parts.outputs.map(o => o.name).join(", ")}`,
            received: `"${name}"`,
          });
    this.#parts = parts;
    this.#accesses = accesses(parts);
    this.#buffers = [...parts.inputBuffers, ...parts.outputBuffers];
    this.#options = { library, pointer: library.create("CreateRunOptions") };
    forgotten.register(this, this.#options, this.#options);
    const lists = [
      stringList(
        library,
        parts.inputs.map(p => p.name),
      ),
      pointerList(
        library,
        parts.inputBuffers.map(b => b.value),
      ),
      stringList(
        library,
        parts.outputs.map(p => p.name),
      ),
      pointerList(
        library,
        parts.outputBuffers.map(b => b.value),
      ),
    ] as const;
    this.#keep = lists.flatMap(l => l.keep);
    this.#arguments = [lists[0].pointer, lists[1].pointer, parts.inputs.length, lists[2].pointer, parts.outputs.length, lists[3].pointer];
  }

  /** Takes session, buffers and byte ranges into use, all or none. */
  #begin(): void {
    if (this.#disposed) throw engineErrors.fail("disposed", { place: "run", message: "the run was disposed" });
    if (this.#running)
      throw engineErrors.fail("busy", { place: "run", message: "it is still running", hint: "Await it, or prepare a second one." });
    void this.#parts.session.pointer;
    for (const [i, b] of this.#buffers.entries())
      if (b.disposed) throw engineErrors.fail("disposed", { place: `"${this.#accesses[i]!.name}"`, message: "the buffer was disposed" });
    for (const a of this.#accesses) {
      if (a.memory.isDetached)
        throw engineErrors.fail("disposed", {
          place: `"${a.name}"`,
          message: "the buffer of its view was transferred",
          hint: "Transfer a copy.",
        });
      const other = a.memory.conflict(a);
      if (other)
        throw engineErrors.fail("busy", {
          place: `"${a.name}"`,
          message: `its memory is ${other.write ? "written" : "read"} by a run in flight (as "${other.name}")`,
          hint: "Await that run first, or use other buffers.",
        });
    }
    this.#running = true;
    this.#parts.session.beginUse();
    for (const b of this.#buffers) b.beginUse();
    for (const a of this.#accesses) a.memory.begin(a);
  }

  #end(): void {
    for (const a of this.#accesses) a.memory.end(a);
    for (const b of this.#buffers) b.endUse();
    this.#parts.session.endUse();
    this.#running = false;
    if (this.#disposed) release(this.#options);
  }

  /** Computes on this thread; everything else in the process waits. */
  sync(): void {
    this.#begin();
    try {
      this.#parts.library.call("Run", this.#parts.session.pointer, this.#options.pointer!, ...this.#arguments);
    } finally {
      this.#end();
    }
  }

  /** Computes on another thread. Buffers and session may be disposed meanwhile; they are freed when the run has ended. */
  async async(options: AsyncOptions = {}): Promise<void> {
    const { library, session } = this.#parts;
    const { signal } = options;
    signal?.throwIfAborted();
    this.#begin();
    options.onBegin?.();
    const pointer = this.#options.pointer!;
    const stop = () => library.call("RunOptionsSetTerminate", pointer);
    signal?.addEventListener("abort", stop, { once: true });
    try {
      await library.callAsync(this.#keep, "Run", session.pointer, pointer, ...this.#arguments);
    } catch (error) {
      throw signal?.aborted ? signal.reason : error;
    } finally {
      signal?.removeEventListener("abort", stop);
      if (signal?.aborted) library.call("RunOptionsUnsetTerminate", pointer);
      this.#end();
    }
  }

  /** Frees the run's native part, when it has ended. The buffers stay. */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    forgotten.unregister(this.#options);
    if (!this.#running) release(this.#options);
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}
