/** The engine as one object: opened once with its threads and device, it makes buffers and sessions. Left out: what a program means. */
import { availableParallelism } from "node:os";
import type { DType } from "../dtype.ts";
import { createSharedArena } from "./arena.ts";
import { engineErrors } from "./errors.ts";
import { type Library, loadLibrary, type Pointer } from "./library.ts";
import { type BufferHost, NativeBuffer } from "./native-buffer.ts";
import { Session } from "./session.ts";
import { createNativeOptions, type LogLevel, logLevels, type Provider, providers, type SessionOptions } from "./session-options.ts";

export interface RuntimeOptions {
  /** Threads of one operator; all processors this process may use, where absent. */
  readonly threads?: number;
  readonly spinning?: boolean | number;
  readonly affinity?: string;
  /**
   * The most that values between operators may take in this process; a run that needs more fails with `onnxruntime/outOfMemory`. Set
   * when the engine is first opened. Buffers are not counted: who allocates them knows their size.
   */
  readonly memoryLimitBytes?: number;
  readonly provider?: Provider;
  readonly log?: LogLevel;
}

export interface Runtime {
  readonly library: Library;
  readonly provider: Provider;
  readonly threads: number;
  /** ONNX Runtime's version. */
  readonly version: string;
  /** Zeroed memory for a tensor. */
  allocate(dtype: DType, shape: readonly number[], options?: { readonly shared?: boolean }): NativeBuffer;
  /** A tensor over memory that the caller owns. */
  wrap(bytes: Uint8Array, dtype: DType, shape: readonly number[]): NativeBuffer;
  /** Compiles a model on this thread. Throws `onnxruntime/model` or `onnxruntime/notSupported` with the engine's words. */
  createSession(model: Uint8Array, options?: SessionOptions): Session;
  /** The same on another thread, so that a server keeps answering while a large graph compiles. */
  createSessionAsync(model: Uint8Array, options?: SessionOptions): Promise<Session>;
}

const cpuArena = 1; // OrtArenaAllocator
const ordinaryMemory = 0; // OrtMemTypeDefault

interface Process {
  readonly env: Pointer;
  readonly cpuMemory: Pointer;
  readonly memoryLimitBytes: number | undefined;
}
/** The environment is one a process in ONNX Runtime itself, and lives as long as it. */
let shared: Process | undefined;

function openProcess(library: Library, options: RuntimeOptions): Process {
  const { memoryLimitBytes } = options;
  if (memoryLimitBytes !== undefined && (!Number.isSafeInteger(memoryLimitBytes) || memoryLimitBytes < 1))
    throw engineErrors.fail("option", { place: "memoryLimitBytes", expected: "a whole number >= 1", received: String(memoryLimitBytes) });
  if (shared) {
    if (memoryLimitBytes !== undefined && memoryLimitBytes !== shared.memoryLimitBytes)
      throw engineErrors.fail("option", {
        place: "memoryLimitBytes",
        expected: `${shared.memoryLimitBytes ?? "no limit"}, as the engine was first opened in this process`,
        received: String(memoryLimitBytes),
        hint: "Give the limit where the engine is first opened.",
      });
    return shared;
  }
  const env = library.create("CreateEnv", logLevels[options.log ?? "fatal"], "loam");
  const cpuMemory = library.create("CreateCpuMemoryInfo", cpuArena, ordinaryMemory);
  createSharedArena(library, env, cpuMemory, memoryLimitBytes);
  shared = { env, cpuMemory, memoryLimitBytes };
  return shared;
}

/** Opens the engine. Cheap after the first time. Throws `onnxruntime/platform`, `/library`, `/option` or `/provider`. */
export function openRuntime(options: RuntimeOptions = {}): Runtime {
  const provider = options.provider ?? "cpu";
  if (!providers.includes(provider))
    throw engineErrors.fail("option", { place: "provider", expected: `one of ${providers.join(", ")}`, received: `"${provider}"` });
  const threads = options.threads ?? availableParallelism();
  if (!Number.isSafeInteger(threads) || threads < 1)
    throw engineErrors.fail("option", { place: "threads", expected: "a whole number >= 1", received: String(threads) });
  const library = loadLibrary();
  const { env, cpuMemory } = openProcess(library, options);
  const host: BufferHost = { library, cpuMemory };
  const merged = (session: SessionOptions): SessionOptions => ({
    threads,
    ...(options.spinning === undefined ? {} : { spinning: options.spinning }),
    // The runtime's affinity names threads by count: it does not fit a session with another number of them.
    ...(options.affinity === undefined || (session.threads ?? threads) !== threads ? {} : { affinity: options.affinity }),
    ...(options.log === undefined ? {} : { log: options.log }),
    ...session,
  });
  return {
    library,
    provider,
    threads,
    version: library.version,
    allocate: (dtype, shape, how) => NativeBuffer.allocate(host, dtype, shape, how),
    wrap: (bytes, dtype, shape) => NativeBuffer.wrap(host, bytes, dtype, shape),
    createSession(model, session = {}) {
      const native = createNativeOptions(library, merged(session), provider);
      try {
        return new Session(host, library.create("CreateSessionFromArray", env, library.addressOf(model), model.byteLength, native));
      } finally {
        library.raw("ReleaseSessionOptions", native);
      }
    },
    async createSessionAsync(model, session = {}) {
      const native = createNativeOptions(library, merged(session), provider);
      try {
        return new Session(
          host,
          await library.createAsync([model], "CreateSessionFromArray", env, library.addressOf(model), model.byteLength, native),
        );
      } finally {
        library.raw("ReleaseSessionOptions", native);
      }
    },
  };
}
