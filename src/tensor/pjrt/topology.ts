/** Compilation ahead of time: for devices that are described and need not be there. */
import { describeDevice, type PjrtDeviceInfo, programBlock } from "./client.ts";
import { encodeCompileOptions } from "./compile-options.ts";
import { type ExecutableStats, executableStats, serializedExecutable } from "./executable-stats.ts";
import { loadPlugin, type PjrtApi } from "./native.ts";
import { type NamedValues, writeNamedValues } from "./options.ts";

export interface AheadOfTimeProgram {
  readonly stats: ExecutableStats;
  /** The executable, for the same plugin of the same version; undefined where the plugin writes none. */
  readonly bytes: Uint8Array<ArrayBuffer> | undefined;
}

/** Devices that programs are compiled for: for example `v5e:2x2` of a TPU. */
export class PjrtTopology {
  readonly api: PjrtApi;
  readonly #pointer: bigint;
  readonly platform: string;
  readonly platformVersion: string;
  readonly devices: readonly PjrtDeviceInfo[];

  /** Throws `pjrt/plugin`, `pjrt/version`, or what the plugin says of the name. */
  constructor(path: string, name: string, options: NamedValues = {}) {
    const api = loadPlugin(path);
    this.api = api;
    const named = writeNamedValues(api, options);
    const bytes = Buffer.from(name);
    const text = new Uint8Array(new ArrayBuffer(bytes.byteLength + 8));
    text.set(bytes);
    const given = {
      topology_name: api.addressOf(text),
      topology_name_size: bytes.byteLength,
      create_options: named.list.address,
      num_options: named.count,
    };
    const { topology } = api.call("TopologyDescription_Create", given, [text, ...named.keep]);
    this.#pointer = topology;
    const said = api.call("TopologyDescription_PlatformName", { topology });
    this.platform = api.text(said.platform_name, said.platform_name_size);
    const version = api.call("TopologyDescription_PlatformVersion", { topology });
    this.platformVersion = api.text(version.platform_version, version.platform_version_size);
    const found = api.call("TopologyDescription_GetDeviceDescriptions", { topology });
    this.devices = api.addresses(found.descriptions, found.num_descriptions).map(d => describeDevice(api, d));
  }

  /** Compiles StableHLO text for the first device, off the JavaScript thread. */
  async compile(text: string): Promise<AheadOfTimeProgram> {
    const { api } = this;
    const { program, keep } = programBlock(api, text);
    const options = encodeCompileOptions({ devices: [this.devices[0]?.id ?? 0] });
    const { executable } = await api.callAsync([...keep, options], "Compile", {
      topology: this.#pointer,
      program: program.address,
      compile_options: api.addressOf(options),
      compile_options_size: options.byteLength,
    });
    try {
      let bytes: Uint8Array<ArrayBuffer> | undefined;
      try {
        bytes = serializedExecutable(api, executable);
      } catch {
        bytes = undefined; // a plugin that cannot serialise says so
      }
      return { stats: executableStats(api, executable), bytes };
    } finally {
      api.call("Executable_Destroy", { executable });
    }
  }
}
