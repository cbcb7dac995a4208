/** Door of PJRT: a plugin's C API as clients, buffers, programs and topologies. It knows nothing of Loam's own IR. */
export { openClient, type PjrtBuffer, type PjrtClient, type PjrtProgram } from "./client.ts";
export { pjrtErrors } from "./errors.ts";
export type { ExecutableStats } from "./executable-stats.ts";
export { checkDevice, findPlugin, isPluginName, type KnownPlugin, knownPlugins, type PluginName, pluginTable } from "./find-plugin.ts";
export { loadPlugin } from "./native.ts";
export type { NamedValues } from "./options.ts";
export { type AheadOfTimeProgram, PjrtTopology } from "./topology.ts";
