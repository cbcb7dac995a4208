/**
 * PJRT behind the backend contract: a graph becomes StableHLO text, a plugin compiles it, a run takes and gives buffers that stay on the device.
 * Donated arguments are aliased to results in the program itself, so the compiler orders what reads them. Left out: programs over several
 * devices (shard/run-partitioned.ts), and stopping a program that has begun (PJRT has no such call): an aborted run is waited for by nobody.
 */
import { defined, sha256 } from "../../base/index.ts";
import type { Backend, BuildOptions, DeviceMemory, Executable, RunHooks } from "../backend.ts";
import type { DType } from "../dtype.ts";
import { tensorErrors } from "../errors.ts";
import type { Graph } from "../graph.ts";
import {
  checkDevice,
  findPlugin,
  type NamedValues,
  openClient,
  type PjrtBuffer,
  type PjrtClient,
  type PjrtProgram,
} from "../pjrt/index.ts";
import type { Shape } from "../shape.ts";
import { checkedEnds, type HloProgram, hloProgram, throwOutside } from "../stablehlo/index.ts";
import { pjrtAbilities, widensFactorsOn } from "./abilities.ts";
import { PjrtMemory } from "./memory.ts";

export interface PjrtBackendOptions {
  /** Threads of the processor, where the plugin computes on it. */
  readonly threads?: number;
  /** Options that the plugin's client takes, by name. */
  readonly plugin?: NamedValues;
  /** Gives an executable that was compiled before for just this program and plugin; without one the program is compiled. */
  readonly executables?: (wanted: WantedExecutable) => Promise<Uint8Array | undefined>;
}

/** What an executable must have been compiled from and for. */
export interface WantedExecutable {
  readonly name: string;
  /** SHA-256 of the program's StableHLO text. */
  readonly program: string;
  readonly platform: string;
  /** Kind of the device: "TPU v5 lite". */
  readonly device: string;
  /** Of PJRT's C API, and what the plugin says of itself. */
  readonly api: string;
  readonly version: string;
}

const memoryOf = (m: DeviceMemory, client: PjrtClient): PjrtMemory => {
  if (m instanceof PjrtMemory && m.client === client) return m;
  throw tensorErrors.fail("device", {
    place: "run",
    expected: "arrays of this device",
    received: "one of another device",
    hint: "Copy it with device.array().",
  });
};

/** The promise, or the signal's reason as soon as it is aborted. */
function orAborted<T>(running: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return running;
  return new Promise<T>((resolve, reject) => {
    const stop = () => reject(signal.reason);
    signal.addEventListener("abort", stop, { once: true });
    running.then(resolve, reject).finally(() => signal.removeEventListener("abort", stop));
  });
}

class PjrtExecutable implements Executable {
  readonly #client: PjrtClient;
  readonly #program: PjrtProgram;
  readonly #hlo: HloProgram;
  readonly #donated: ReadonlySet<number>;

  constructor(client: PjrtClient, program: PjrtProgram, hlo: HloProgram, aliases: ReadonlyMap<number, number>) {
    this.#client = client;
    this.#program = program;
    this.#hlo = hlo;
    this.#donated = new Set(aliases.values());
  }

  async run(inputs: readonly DeviceMemory[], outputs: readonly DeviceMemory[], { signal, onBegin }: RunHooks = {}): Promise<void> {
    signal?.throwIfAborted();
    const given = inputs.map(m => memoryOf(m, this.#client));
    const taken = outputs.map(m => memoryOf(m, this.#client));
    const buffers = given.map(m => m.buffer);
    onBegin?.();
    const running = this.#compute(buffers);
    let results: PjrtBuffer[];
    try {
      results = await orAborted(running, signal);
    } catch (error) {
      // a run that goes on after it was aborted gives its results to nobody
      running.then(
        made => {
          for (const b of made) b.dispose();
        },
        () => {},
      );
      throw error;
    }
    // the buffer of a donated argument is an empty shell now
    for (const i of this.#donated) given[i]!.replace(undefined);
    for (const [i, m] of taken.entries()) m.replace(results[i]);
  }

  async #compute(buffers: readonly PjrtBuffer[]): Promise<PjrtBuffer[]> {
    const [results] = (await this.#program.run([buffers])) as [PjrtBuffer[]];
    const { checks } = this.#hlo;
    if (checks.length === 0) return results;
    const found = results.pop()!;
    try {
      const ends = checkedEnds(checks);
      await found.read(ends, 1);
      throwOutside(checks, ends);
    } catch (error) {
      for (const b of results) b.dispose();
      throw error;
    } finally {
      found.dispose();
    }
    return results;
  }

  peakBytes(): number {
    return this.#program.stats().temporaryBytes ?? 0;
  }

  dispose(): void {
    this.#program.dispose();
  }
}

/** The variable that XLA's CPU plugin takes its number of threads from; read when a client is made. */
const threadsVariable = "NPROC";

function clientOf(name: string, { threads, plugin = {} }: PjrtBackendOptions): PjrtClient {
  const path = findPlugin(name);
  checkDevice(name);
  if (threads === undefined) return openClient(path, plugin);
  const before = process.env[threadsVariable];
  process.env[threadsVariable] = String(threads);
  try {
    return openClient(path, plugin);
  } finally {
    if (before === undefined) delete process.env[threadsVariable];
    else process.env[threadsVariable] = before;
  }
}

/** The program: what was compiled ahead of time where it fits, else compiled now. */
async function programOf(client: PjrtClient, name: string, hlo: HloProgram, { executables }: PjrtBackendOptions): Promise<PjrtProgram> {
  const { platform, platformVersion: version, api, devices } = client;
  const wanted = { name, program: sha256(hlo.text), platform, device: devices[0]!.kind, api: api.version, version };
  const bytes = await executables?.(wanted);
  if (bytes)
    try {
      return client.load(bytes, hlo.outputs);
    } catch {
      // a plugin may refuse what it has written itself, on another machine: it compiles
    }
  return client.compile(hlo.text, hlo.outputs);
}

/** The device `pjrt:NAME`. Throws `pjrt/plugin`, `pjrt/version`, `pjrt/device` or `pjrt/option`. */
export function pjrtBackend(name: string, options: PjrtBackendOptions = {}): Backend {
  const client = clientOf(name, options);
  const { threads } = options;
  return {
    capabilities: {
      ...pjrtAbilities,
      details: {
        ...defined({ threads }),
        platform: client.platform,
        version: client.platformVersion,
        api: client.api.version,
        devices: client.devices.length,
        kind: client.devices[0]!.kind,
      },
    },
    allocate: (shape: Shape, dtype: DType) => new PjrtMemory(client, shape, dtype),
    // what nobody has written is zeros when it is first read
    zeros: (shape: Shape, dtype: DType) => new PjrtMemory(client, shape, dtype),
    async build(graph: Graph, { name = "program", aliases, products }: BuildOptions) {
      const hlo = hloProgram(graph, { name, aliases, widensFactors: widensFactorsOn(client.platform), ...defined({ products }) });
      return new PjrtExecutable(client, await programOf(client, name, hlo, options), hlo, aliases);
    },
    dispose: () => {},
  };
}
