/** What each library of a process has one of: ONNX Runtime's environment (its logger), the description of host memory, and the shared arena. */
import { createSharedArena } from "./arena.ts";
import { engineErrors } from "./errors.ts";
import { type Library, loadLibrary, type Pointer } from "./library.ts";
import type { Provider } from "./provider.ts";

/** OrtLoggingLevel: what the library itself prints on stderr. Every failure is thrown as an error anyway. */
export const logLevels = { verbose: 0, info: 1, warning: 2, error: 3, fatal: 4 } as const;
export type LogLevel = keyof typeof logLevels;

interface EngineEnvironment {
  readonly library: Library;
  /** OrtEnv; lives as long as the process. */
  readonly env: Pointer;
  /** OrtMemoryInfo of host memory. */
  readonly cpuMemory: Pointer;
}

const cpuArena = 1; // OrtArenaAllocator
const ordinaryMemory = 0; // OrtMemTypeDefault

const environments = new Map<Library, EngineEnvironment>();

/** The environment of a provider's library, made at the first call; `log` counts only then. Throws as `loadLibrary` does. */
export function openEnvironment(provider: Provider, log: LogLevel = "fatal"): EngineEnvironment {
  const library = loadLibrary(provider);
  let environment = environments.get(library);
  if (!environment) {
    environment = {
      library,
      env: library.create("CreateEnv", logLevels[log], "loam"),
      cpuMemory: library.create("CreateCpuMemoryInfo", cpuArena, ordinaryMemory),
    };
    environments.set(library, environment);
  }
  return environment;
}

const arenas = new Map<Library, { readonly limitBytes: number | undefined }>();

/** Makes the shared arena at the first call. Throws `onnxruntime/option` when a later call asks for another limit. */
export function openSharedArena({ library, env, cpuMemory }: EngineEnvironment, limitBytes: number | undefined): void {
  if (limitBytes !== undefined && (!Number.isSafeInteger(limitBytes) || limitBytes < 1))
    throw engineErrors.fail("option", { place: "memoryLimitBytes", expected: "a whole number >= 1", received: String(limitBytes) });
  const arena = arenas.get(library);
  if (!arena) {
    createSharedArena(library, env, cpuMemory, limitBytes);
    arenas.set(library, { limitBytes });
  } else if (limitBytes !== undefined && limitBytes !== arena.limitBytes)
    throw engineErrors.fail("option", {
      place: "memoryLimitBytes",
      expected: `${arena.limitBytes ?? "no limit"}, as the engine was first opened in this process`,
      received: String(limitBytes),
      hint: "Give the limit where the engine is first opened.",
    });
}
