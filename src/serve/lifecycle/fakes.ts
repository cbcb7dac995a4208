/** A source of versions for tests: each is a scripted engine that says its own number, again and again, until its answer is long enough. */
import type { Device } from "../../tensor/index.ts";
import { createEngine } from "../engine.ts";
import { Engines } from "../engines.ts";
import { scriptedProgram, tinyModel } from "../fakes.ts";
import type { ServedModel } from "../served-model.ts";
import { Fleet } from "./fleet.ts";
import type { FleetOptions } from "./fleet-options.ts";
import type { OpenVersion, VersionSource } from "./version-source.ts";

interface TestSource extends VersionSource {
  /** Versions that there are. */
  there: number[];
  /** Versions whose loading fails. */
  readonly broken: Set<number>;
  readonly labels: Map<number, readonly string[]>;
  /** Loads and closings, in order: `+1`, `-1`. */
  readonly log: string[];
  /** Versions in memory. */
  readonly loaded: Set<number>;
  /** Awaited by every load. */
  gate: () => Promise<void> | void;
}

function testSource(model: ServedModel, device: Device): TestSource {
  const source: TestSource = {
    there: [1, 2, 3],
    broken: new Set(),
    labels: new Map(),
    log: [],
    loaded: new Set(),
    gate: () => {},
    versions: async () => source.there,
    open: async (name, version): Promise<OpenVersion> => {
      await source.gate();
      await new Promise(resolve => setImmediate(resolve));
      const says = new Float32Array(257);
      says[48 + version] = 50;
      const engine = createEngine({
        model: { ...model, id: `${name}@${version}`, aliases: [], name, version },
        device,
        open: async () => {
          if (source.broken.has(version)) throw new Error(`version ${version} is broken`);
          return scriptedProgram({ slots: 2, logits: () => says });
        },
      });
      source.log.push(`+${version}`);
      source.loaded.add(version);
      return {
        engine,
        labels: source.labels.get(version) ?? [],
        close: async () => {
          await engine.close();
          source.log.push(`-${version}`);
          source.loaded.delete(version);
        },
      };
    },
  };
  return source;
}

export async function testFleet(device: Device, options: Partial<FleetOptions> = {}) {
  const source = testSource(await tinyModel(device), device);
  const engines = new Engines();
  return { source, engines, fleet: new Fleet({ engines, source, ...options }) };
}
