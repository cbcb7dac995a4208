/** Door of the engine: ONNX Runtime's C API as buffers, sessions and runs. It knows nothing of Loam's own IR. */
export type { ArenaStats } from "./arena.ts";
export type { Bindable } from "./binding.ts";
export { DeviceBuffer } from "./device-buffer.ts";
export { type LogLevel, logLevels } from "./environment.ts";
export { engineErrors } from "./errors.ts";
export { findLibrary, libraryOf, platformLibraries, webgpuPackage } from "./find-library.ts";
export type { Library, Pointer } from "./library.ts";
export { apiIndex, engineVersion, loadLibrary, trimNativeMemory } from "./library.ts";
export { NativeBuffer } from "./native-buffer.ts";
export { nativeQueue } from "./native-queue.ts";
export { type Constants, PackedWeights } from "./packed-weights.ts";
export { deviceReport, type Provider, providers, providerTable } from "./provider.ts";
export type { AsyncOptions, EngineRun } from "./run.ts";
export { type EngineRuntime, type EngineRuntimeOptions, openRuntime } from "./runtime.ts";
export type { Bindings, EngineSession, Port, PrepareOptions } from "./session.ts";
export {
  type Arena,
  defaultSpinUs,
  type OptimizationLevel,
  optimizationLevels,
  type SessionOptions,
} from "./session-options.ts";
