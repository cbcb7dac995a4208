/** Which shared library a PJRT device name stands for: a path, or one of the plugins that packages carry, named by an environment variable. */
import { existsSync, readdirSync } from "node:fs";
import { environment } from "../../base/index.ts";
import { pjrtErrors } from "./errors.ts";

interface PluginRow {
  /** Environment variable with the path of the library. */
  readonly variable: string;
  /** Python package that carries the library, and its place within. */
  readonly package: string;
  readonly file: string;
  /** What this machine lacks to run programs; undefined where nothing. Looked at first where the plugin itself would search for minutes. */
  readonly lacks?: () => string | undefined;
}

/** Files of TPUs: one a chip, as the kernel's drivers name them. libtpu asks a cloud's metadata server for minutes where there are none. */
function lacksTpu(): string | undefined {
  const numbered = (folder: string, name: RegExp) => existsSync(folder) && readdirSync(folder).some(file => name.test(file));
  return numbered("/dev", /^accel\d+$/) || numbered("/dev/vfio", /^\d+$/) ? undefined : "no TPU (neither /dev/accel0 nor /dev/vfio/0)";
}

/** Known plugins; another one is named by its path. */
export const pluginTable = {
  cpu: { variable: "LOAM_PJRT_CPU", package: "fastatomstruct-xla-cpu", file: "fastatomstruct_xla_cpu/libpjrt_cpu.so" },
  tpu: { variable: "LOAM_PJRT_TPU", package: "libtpu", file: "libtpu/libtpu.so", lacks: lacksTpu },
  cuda: { variable: "LOAM_PJRT_CUDA", package: "jax-cuda12-pjrt", file: "jax_plugins/xla_cuda12/xla_cuda_plugin.so" },
} as const satisfies Readonly<Record<string, PluginRow>>;
export type PluginName = keyof typeof pluginTable;
export const isPluginName = (name: string): name is PluginName => Object.hasOwn(pluginTable, name);

/** How to get a known plugin. */
const pluginHint = (name: PluginName): string => {
  const row = pluginTable[name];
  return `Run pip download --no-deps ${row.package}, unzip the wheel, and set ${row.variable} to its ${row.file}.`;
};

/** A known plugin as this machine has it; nothing is loaded. */
export interface KnownPlugin {
  readonly name: PluginName;
  readonly variable: string;
  /** What the variable says; undefined where it is not set. */
  readonly path: string | undefined;
  readonly exists: boolean;
  /** What this machine lacks to run programs on it. */
  readonly lacks: string | undefined;
  readonly hint: string;
}

export const knownPlugins = (): KnownPlugin[] =>
  (Object.entries(pluginTable) as [PluginName, PluginRow][]).map(([name, { variable, lacks }]) => {
    const path = environment()[variable] || undefined;
    return { name, variable, path, exists: path !== undefined && existsSync(path), lacks: lacks?.(), hint: pluginHint(name) };
  });

/** The library of `pjrt:NAME`: `cpu`, `tpu`, `cuda`, or a path. Throws `pjrt/plugin` where there is none. */
export function findPlugin(name: string): string {
  const row = isPluginName(name) ? pluginTable[name] : undefined;
  const path = row ? environment()[row.variable] : name;
  if (path && existsSync(path)) return path;
  throw pjrtErrors.fail("plugin", {
    place: `device pjrt:${name}`,
    expected: row ? `the path of ${row.file} in ${row.variable}` : "the path of a PJRT plugin",
    received: path ? `"${path}", which does not exist` : "none",
    hint: isPluginName(name) ? pluginHint(name) : `Name a library that exists, or one of ${Object.keys(pluginTable).join(", ")}.`,
  });
}

/** Throws `pjrt/device` where this machine has nothing that a known plugin could run on. */
export function checkDevice(name: string): void {
  const row: PluginRow | undefined = isPluginName(name) ? pluginTable[name] : undefined;
  const received = row?.lacks?.();
  if (received === undefined) return;
  throw pjrtErrors.fail("device", {
    place: `device pjrt:${name}`,
    expected: "a device of this machine",
    received,
    hint: "Run on a machine that has one, or use the device cpu. loam train compile needs none.",
  });
}
