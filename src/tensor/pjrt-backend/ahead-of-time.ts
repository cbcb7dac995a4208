/** Compilation of recorded programs for a target: devices of a plugin that are described by a topology, or those of this machine. */

import type { ExecutableStats } from "../pjrt/index.ts";
import { findPlugin, isPluginName, openClient, PjrtTopology, type PluginName, pjrtErrors, pluginTable } from "../pjrt/index.ts";

export interface CompileTarget {
  readonly plugin: PluginName;
  /** In the plugin's own words, "v5e:2x2" of a TPU; absent: devices of this machine. */
  readonly topology?: string;
}

/** "cpu", "tpu:v5e:2x2". Errors: pjrt/option. */
export function parseCompileTarget(text: string): CompileTarget {
  const [plugin = "", ...rest] = text.split(":");
  const topology = rest.join(":");
  if (isPluginName(plugin) && (plugin !== "tpu" || topology !== "") && (plugin === "tpu" || topology === ""))
    return { plugin, ...(topology ? { topology } : {}) };
  throw pjrtErrors.fail("option", {
    place: "target",
    expected: `${Object.keys(pluginTable)
      .filter(name => name !== "tpu")
      .join(", ")}, or tpu with a topology`,
    received: `"${text}"`,
    hint: "For example tpu:v5e:2x2.",
  });
}

/** What a plugin made of one program. */
export interface CompiledAhead {
  readonly platform: string;
  /** What computes: "TPU v5 lite", and how many of them the topology has. */
  readonly device: string;
  readonly devices: number;
  readonly api: string;
  readonly version: string;
  readonly stats: ExecutableStats;
  /** For the same plugin of the same version; undefined where the plugin writes none. */
  readonly bytes: Uint8Array<ArrayBuffer> | undefined;
}

/** Compiles for one device of the target. Errors: pjrt/*. */
export async function compileAhead({ plugin, topology }: CompileTarget, text: string): Promise<CompiledAhead> {
  const path = findPlugin(plugin);
  if (topology === undefined) {
    const client = openClient(path);
    const program = await client.compile(text, 0);
    const { platform, platformVersion: version, devices, api } = client;
    const made = { stats: program.stats(), bytes: program.serialize() };
    program.dispose();
    return { platform, device: devices[0]!.kind, devices: devices.length, api: api.version, version, ...made };
  }
  const target = new PjrtTopology(path, topology);
  const { platform, platformVersion: version, devices, api } = target;
  return {
    platform,
    device: devices[0]?.kind ?? platform,
    devices: devices.length,
    api: api.version,
    version,
    ...(await target.compile(text)),
  };
}

/** Environment in which a target's plugin asks nobody on the network: libtpu looks for a cloud's metadata server otherwise, for minutes. */
export const compileEnvironment = ({ plugin }: CompileTarget): Readonly<Record<string, string>> =>
  plugin === "tpu" ? { TPU_SKIP_MDS_QUERY: "1", TPU_WORKER_ID: "0", TPU_WORKER_HOSTNAMES: "localhost" } : {};
