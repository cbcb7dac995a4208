/** What may be chosen about a session, and how it is said to ONNX Runtime: plain data in, an OrtSessionOptions out. */
import { defined } from "../../base/index.ts";
import { type LogLevel, logLevels } from "./environment.ts";
import { engineErrors } from "./errors.ts";
import type { Library, Pointer } from "./library.ts";
import { appendProvider, type Provider } from "./provider.ts";

/** GraphOptimizationLevel. */
export const optimizationLevels = { none: 0, basic: 1, extended: 2, all: 99 } as const;
export type OptimizationLevel = keyof typeof optimizationLevels;

const arenas = { shared: true, own: true, none: false } as const;
export type Arena = keyof typeof arenas;

/**
 * Long enough to catch the next operator (small programs ran 1.6 times as fast as without), short enough not to starve others: on a
 * machine with other work, unlimited spinning made a run 2.3 times as slow, 50 microseconds 1.1 times.
 */
export const defaultSpinUs = 50;

export interface SessionOptions {
  /** Threads of one operator, the calling one included; the runtime's number where absent. */
  readonly threads?: number;
  /**
   * Microseconds that an idle thread burns its core while it waits for the next operator; `true`: until the engine gives up (some
   * 20 ms), `false`: not at all. `defaultSpinUs` where absent.
   */
  readonly spinning?: boolean | number;
  /** Processors of each further thread, ONNX Runtime's notation: "1;2;3-4" for 4 threads. */
  readonly affinity?: string;
  readonly optimizationLevel?: OptimizationLevel;
  /** Names of graph optimizers that must not run, such as "CommonSubexpressionElimination". */
  readonly disabledOptimizers?: readonly string[];
  /** Sizes for the model's named dimensions. */
  readonly freeDimensions?: Readonly<Record<string, number>>;
  /** Asks kernels for results that do not depend on timing. */
  readonly deterministic?: boolean;
  /**
   * Plans one block for all values of a run after its first one. Off by default: it was never faster here, and the block comes on top
   * of what the first run took.
   */
  readonly memoryPattern?: boolean;
  /**
   * Where values between operators live: the process's shared arena, an arena of this session (for measuring it alone), or the
   * system's allocator (least memory, slow where values are around 1 MB). Shared where absent.
   */
  readonly arena?: Arena;
  /** Prefix of a file with times by operator; `Session.endProfile` names it. */
  readonly profile?: string;
  /** Writes the graph as it is after optimization to this file. */
  readonly optimizedModelFile?: string;
  readonly log?: LogLevel;
  /** An OrtCustomOpDomain whose operators the model uses. It and they live as long as the session. */
  readonly operators?: Pointer;
  /** Further entries of ONNX Runtime's session configuration. */
  readonly config?: Readonly<Record<string, string>>;
}

const wrong = (place: string, expected: string, received: unknown) =>
  engineErrors.fail("option", { place, expected, received: typeof received === "string" ? `"${received}"` : String(received) });

function wholeNumber(place: string, value: number, least: number): number {
  if (!Number.isSafeInteger(value) || value < least) throw wrong(place, `a whole number >= ${least}`, value);
  return value;
}

function row<T extends object>(place: string, table: T, key: keyof T): T[keyof T] {
  if (!Object.hasOwn(table, key)) throw wrong(place, `one of ${Object.keys(table).join(", ")}`, key);
  return table[key];
}

/** The configuration entries that options stand for. */
function configEntries(options: SessionOptions): Record<string, string> {
  const spin = options.spinning ?? defaultSpinUs;
  return {
    "session.intra_op.allow_spinning": spin === false || spin === 0 ? "0" : "1",
    ...(typeof spin === "number" && spin > 0 ? { "session.intra_op.spin_duration_us": String(spin) } : {}),
    ...defined({ "session.intra_op_thread_affinities": options.affinity }),
    ...((options.arena ?? "shared") === "shared" ? { "session.use_env_allocators": "1" } : {}),
    ...(options.disabledOptimizers?.length ? { "optimization.disable_specified_optimizers": options.disabledOptimizers.join(";") } : {}),
    ...options.config,
  };
}

/** Checks affinity by form and by number: one part a thread beyond the calling one. */
function checkAffinity(affinity: string, threads: number): void {
  const parts = affinity.split(";");
  if (parts.length !== threads - 1 || !parts.every(p => /^\d+(-\d+)?(,\d+(-\d+)?)*$/.test(p)))
    throw wrong("affinity", `${threads - 1} parts such as "1" or "2-3" joined by ";" for ${threads} threads`, affinity);
}

/** A native options object; release it once the session is made. Throws `onnxruntime/option` before native code sees a wrong value. */
export function createNativeOptions(library: Library, options: SessionOptions, provider: Provider): Pointer {
  const threads = wholeNumber("threads", options.threads ?? 1, 1);
  const level = row("optimizationLevel", optimizationLevels, options.optimizationLevel ?? "all");
  const log = row("log", logLevels, options.log ?? "fatal");
  const hasArena = row("arena", arenas, options.arena ?? "shared");
  if (typeof options.spinning === "number") wholeNumber("spinning", options.spinning, 0);
  if (options.affinity !== undefined) checkAffinity(options.affinity, threads);
  for (const [name, size] of Object.entries(options.freeDimensions ?? {})) wholeNumber(`freeDimensions.${name}`, size, 0);

  const native = library.create("CreateSessionOptions");
  const set = (name: Parameters<Library["call"]>[0], ...args: (number | string | boolean)[]) => library.call(name, native, ...args);
  try {
    set("SetIntraOpNumThreads", threads);
    set("SetInterOpNumThreads", 1);
    set("SetSessionExecutionMode", 0); // one operator after the other: threads are spent within it
    set("SetSessionGraphOptimizationLevel", level);
    set("SetSessionLogSeverityLevel", log);
    if (options.deterministic) set("SetDeterministicCompute", true);
    if (!options.memoryPattern) set("DisableMemPattern");
    if (!hasArena) set("DisableCpuMemArena");
    if (options.profile !== undefined) set("EnableProfiling", options.profile);
    if (options.optimizedModelFile !== undefined) set("SetOptimizedModelFilePath", options.optimizedModelFile);
    for (const [name, size] of Object.entries(options.freeDimensions ?? {})) set("AddFreeDimensionOverrideByName", name, size);
    for (const [key, value] of Object.entries(configEntries(options))) set("AddSessionConfigEntry", key, value);
    if (options.operators !== undefined) library.call("AddCustomOpDomain", native, options.operators);
    appendProvider(library, native, provider);
    return native;
  } catch (error) {
    library.raw("ReleaseSessionOptions", native);
    throw error;
  }
}
