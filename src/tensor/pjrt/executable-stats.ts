/** What a compiled program takes and costs, as its plugin tells it, and the program as bytes. */
import { defined } from "../../base/index.ts";
import type { PjrtApi } from "./native.ts";
import { readNamedValues } from "./options.ts";

export interface ExecutableStats {
  readonly codeBytes?: number;
  readonly argumentBytes?: number;
  readonly outputBytes?: number;
  /** Results that lie in their arguments' memory. */
  readonly aliasedBytes?: number;
  /** Values between operations. */
  readonly temporaryBytes?: number;
  /** The compiler's estimate by its own names ("flops", "bytes accessed"); empty where it has none, without what it marks as unknown (-1). */
  readonly cost: Readonly<Record<string, number>>;
}

/** Gives `undefined` where a plugin does not implement a question. */
function ask<T>(question: () => T): T | undefined {
  try {
    return question();
  } catch {
    return undefined;
  }
}

export function executableStats(api: PjrtApi, executable: bigint): ExecutableStats {
  const size = ask(() => api.call("Executable_SizeOfGeneratedCodeInBytes", { executable }).size_in_bytes);
  const memory = ask(() => api.call("Executable_GetCompiledMemoryStats", { executable }));
  const cost = ask(() => {
    const { num_properties, properties } = api.call("Executable_GetCostAnalysis", { executable });
    const all = readNamedValues(api, properties, num_properties);
    return Object.fromEntries(Object.entries(all).filter((e): e is [string, number] => typeof e[1] === "number" && e[1] >= 0));
  });
  return {
    ...defined({
      codeBytes: size !== undefined && size >= 0 ? size : memory?.generated_code_size,
      argumentBytes: memory?.argument_size,
      outputBytes: memory?.output_size,
      aliasedBytes: memory?.alias_size,
      temporaryBytes: memory?.temp_size,
    }),
    cost: cost ?? {},
  };
}

export function serializedExecutable(api: PjrtApi, executable: bigint): Uint8Array<ArrayBuffer> {
  const made = api.call("Executable_Serialize", { executable });
  try {
    return api.bytes(made.serialized_bytes, made.serialized_bytes_size);
  } finally {
    api.callPlain(made.serialized_executable_deleter, made.serialized_executable);
  }
}
