/** What may be chosen about a session, and how it is said to ONNX Runtime: plain data in, an OrtSessionOptions out. */
import { stringList } from "./c-strings.ts";
import { engineErrors } from "./errors.ts";
import type { Library, Pointer } from "./library.ts";

/** GraphOptimizationLevel. */
export const optimizationLevels = { none: 0, basic: 1, extended: 2, all: 99 } as const;
export type OptimizationLevel = keyof typeof optimizationLevels;

/** OrtLoggingLevel: what the library itself prints on stderr. Every failure is thrown as an error anyway. */
export const logLevels = { verbose: 0, info: 1, warning: 2, error: 3, fatal: 4 } as const;
export type LogLevel = keyof typeof logLevels;

export const providers = ["cpu", "webgpu"] as const;
export type Provider = (typeof providers)[number];

export interface SessionOptions {
  /** Threads of one operator, the calling one included; the runtime's number where absent. */
  readonly threads?: number;
  /** Whether idle threads burn their core while they wait for the next operator. */
  readonly spinning?: boolean;
  /** Processors of each further thread, ONNX Runtime's notation: "1;2;3-4" for 4 threads. */
  readonly affinity?: string;
  readonly optimizationLevel?: OptimizationLevel;
  /** Names of graph optimizers that must not run, such as "CommonSubexpressionElimination". */
  readonly disabledOptimizers?: readonly string[];
  /** Sizes for the model's named dimensions. */
  readonly freeDimensions?: Readonly<Record<string, number>>;
  /** Asks kernels for results that do not depend on timing. */
  readonly deterministic?: boolean;
  /** Plans one block for all values of a run after the first one. Costs memory where the plan fits badly. */
  readonly memoryPattern?: boolean;
  /** Keeps freed memory for the next run. Without it every value is allocated and freed on its own. */
  readonly arena?: boolean;
  /** Prefix of a file with times by operator; `Session.endProfile` names it. */
  readonly profile?: string;
  /** Writes the graph as it is after optimization to this file. */
  readonly optimizedModelFile?: string;
  readonly log?: LogLevel;
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

/** Configuration entries that the options stand for. Affinity has one entry a further thread, as ONNX Runtime wants it. */
export function configEntries(options: SessionOptions): Record<string, string> {
  return {
    ...(options.spinning === undefined ? {} : { "session.intra_op.allow_spinning": options.spinning ? "1" : "0" }),
    ...(options.affinity === undefined ? {} : { "session.intra_op_thread_affinities": options.affinity }),
    ...(options.disabledOptimizers?.length ? { "optimization.disable_specified_optimizers": options.disabledOptimizers.join(";") } : {}),
    ...options.config,
  };
}

/** Checks affinity by form and by number: one part a thread beyond the calling one. */
export function checkAffinity(affinity: string, threads: number): void {
  const parts = affinity.split(";");
  if (parts.length !== threads - 1 || !parts.every(p => /^\d+(-\d+)?(,\d+(-\d+)?)*$/.test(p)))
    throw wrong("affinity", `${threads - 1} parts such as "1" or "2-3" joined by ";" for ${threads} threads`, affinity);
}

/** A native options object; release it once the session is made. Throws `onnxruntime/option` before native code sees a wrong value. */
export function createNativeOptions(library: Library, options: SessionOptions, provider: Provider): Pointer {
  const threads = wholeNumber("threads", options.threads ?? 1, 1);
  const level = row("optimizationLevel", optimizationLevels, options.optimizationLevel ?? "all");
  const log = row("log", logLevels, options.log ?? "fatal");
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
    if (options.memoryPattern === false) set("DisableMemPattern");
    if (options.arena === false) set("DisableCpuMemArena");
    if (options.profile !== undefined) set("EnableProfiling", options.profile);
    if (options.optimizedModelFile !== undefined) set("SetOptimizedModelFilePath", options.optimizedModelFile);
    for (const [name, size] of Object.entries(options.freeDimensions ?? {})) set("AddFreeDimensionOverrideByName", name, size);
    for (const [key, value] of Object.entries(configEntries(options))) set("AddSessionConfigEntry", key, value);
    if (provider === "webgpu") {
      const empty = stringList(library, []);
      library.call("SessionOptionsAppendExecutionProvider", native, "WebGPU", empty.pointer, empty.pointer, 0);
    }
    return native;
  } catch (error) {
    library.raw("ReleaseSessionOptions", native);
    throw error;
  }
}
