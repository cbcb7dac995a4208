/** The engine as one object: opened once with its threads and device, it makes buffers and sessions. Left out: what a program means. */
import { availableParallelism } from "node:os";
import { defined } from "../../base/index.ts";
import type { DType } from "../dtype.ts";
import { DeviceBuffer, EngineDevice } from "./device-buffer.ts";
import { type LogLevel, openEnvironment, openSharedArena } from "./environment.ts";
import { engineErrors } from "./errors.ts";
import type { Library } from "./library.ts";
import { NativeBuffer } from "./native-buffer.ts";
import { type Constants, takeConstants } from "./packed-weights.ts";
import { type Provider, providers, providerTable } from "./provider.ts";
import { EngineSession, type SessionHost } from "./session.ts";
import { createNativeOptions, type SessionOptions } from "./session-options.ts";

export interface EngineRuntimeOptions {
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

export interface EngineRuntime {
  readonly library: Library;
  readonly provider: Provider;
  readonly threads: number;
  /** ONNX Runtime's version. */
  readonly version: string;
  /** Zeroed memory for a tensor. */
  allocate(dtype: DType, shape: readonly number[], options?: { readonly shared?: boolean }): NativeBuffer;
  /** Memory of the device; where the device is the processor, `allocate` does this. Its contents are anything at first. */
  allocateOnDevice(dtype: DType, shape: readonly number[]): DeviceBuffer;
  /** A tensor over memory that the caller owns. */
  wrap(bytes: Uint8Array, dtype: DType, shape: readonly number[]): NativeBuffer;
  /** Compiles a model on this thread. Throws `onnxruntime/model` or `onnxruntime/notSupported` with the engine's words. */
  createSession(model: Uint8Array, options?: SessionOptions): EngineSession;
  /** The same on another thread, so that a server keeps answering while a large graph compiles. `constants` are its outside initializers. */
  createSessionAsync(model: Uint8Array, options?: SessionOptions, constants?: Constants): Promise<EngineSession>;
}

/** Opens the engine. Cheap after the first time. Throws `onnxruntime/platform`, `/library`, `/option` or `/provider`. */
export function openRuntime(options: EngineRuntimeOptions = {}): EngineRuntime {
  const provider = options.provider ?? "cpu";
  if (!providers.includes(provider))
    throw engineErrors.fail("option", { place: "provider", expected: `one of ${providers.join(", ")}`, received: `"${provider}"` });
  const threads = options.threads ?? availableParallelism();
  if (!Number.isSafeInteger(threads) || threads < 1)
    throw engineErrors.fail("option", { place: "threads", expected: "a whole number >= 1", received: String(threads) });
  const environment = openEnvironment(provider, options.log);
  openSharedArena(environment, options.memoryLimitBytes);
  const { library, env, cpuMemory } = environment;
  const host: SessionHost = { library, cpuMemory, inPlace: providerTable[provider].inPlace };
  const merged = (session: SessionOptions): SessionOptions => ({
    threads,
    ...defined({ spinning: options.spinning }),
    // The runtime's affinity names threads by count: it does not fit a session with another number of them.
    ...(options.affinity === undefined || (session.threads ?? threads) !== threads ? {} : { affinity: options.affinity }),
    ...defined({ log: options.log }),
    ...session,
  });
  const createSession = (model: Uint8Array, session: SessionOptions = {}): EngineSession => {
    const native = createNativeOptions(library, merged(session), provider);
    try {
      return new EngineSession(host, library.create("CreateSessionFromArray", env, library.addressOf(model), model.byteLength, native));
    } finally {
      library.raw("ReleaseSessionOptions", native);
    }
  };
  const { memoryName } = providerTable[provider];
  // Making it now says at once whether the device is there.
  const device = memoryName === undefined ? undefined : new EngineDevice(host, memoryName, createSession);
  return {
    library,
    provider,
    threads,
    version: library.version,
    allocate: (dtype, shape, how) => NativeBuffer.allocate(host, dtype, shape, how),
    allocateOnDevice(dtype, shape) {
      if (device) return DeviceBuffer.allocate(device, dtype, shape);
      throw engineErrors.fail("option", { place: "allocateOnDevice", expected: "a device with memory of its own", received: provider });
    },
    wrap: (bytes, dtype, shape) => NativeBuffer.wrap(host, bytes, dtype, shape),
    createSession,
    async createSessionAsync(model, session = {}, constants) {
      const native = createNativeOptions(library, merged(session), provider);
      const at = library.addressOf(model);
      try {
        if (!constants?.buffers.size)
          return new EngineSession(host, await library.createAsync([model], "CreateSessionFromArray", env, at, model.byteLength, native));
        const container = constants.packed.hold();
        const onGone = takeConstants(library, native, constants);
        let made: bigint;
        try {
          const create = "CreateSessionFromArrayWithPrepackedWeightsContainer";
          made = await library.createAsync([model], create, env, at, model.byteLength, native, container);
        } catch (error) {
          onGone();
          throw error;
        }
        return new EngineSession(host, made, onGone);
      } finally {
        library.raw("ReleaseSessionOptions", native);
      }
    },
  };
}
