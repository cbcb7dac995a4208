/**
 * The adapters of a server by name: whose they are, and their numbers, so that a model that slept has them again when it wakes. An adapter
 * belongs to the version that it was loaded for, and goes when that is unloaded.
 */
import type { Adapter } from "../../nn/index.ts";
import type { Engine } from "../engine.ts";
import { serveErrors } from "../errors.ts";
import { type DecoderMetadata, isDescribed, type ListedMetadata } from "../model-metadata.ts";
import { AdaptedEngine, sleepingAdapter } from "./adapted-engine.ts";

export interface ShelvedAdapter {
  readonly name: string;
  /** Id of the model that it changes: `mail-small@3`. */
  readonly parent: string;
  readonly rank: number;
  readonly digest: string;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
}
interface Entry extends ShelvedAdapter {
  readonly adapter: Adapter;
}

/** No `@` and no `:`, which part a name from its version, and no way up a folder. */
const namePattern = /^[A-Za-z0-9][\w.-]*(\/[A-Za-z0-9][\w.-]*)*$/;
const mostNameCharacters = 128;

interface ShelfPorts {
  /** The engines that are there now. */
  readonly engines: () => readonly Engine[];
  /** The models that are listed, loaded or asleep. */
  readonly models: () => readonly ListedMetadata[];
  /** A model has this name. */
  readonly isTaken: (name: string) => boolean;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

export class AdapterShelf {
  readonly #ports: ShelfPorts;
  readonly #entries = new Map<string, Entry>();

  constructor(ports: ShelfPorts) {
    this.#ports = ports;
  }

  list(): readonly ShelvedAdapter[] {
    return [...this.#entries.values()].map(({ adapter: _, ...shown }) => shown);
  }
  parentOf(name: string): string | undefined {
    return this.#entries.get(name)?.parent;
  }

  /** An adapter's engine over its base's, where it is there. */
  over(base: Engine, name: string): AdaptedEngine | undefined {
    const placed = base.adapters.find(a => a.name === name);
    return placed && new AdaptedEngine(base, placed, this.#entries.get(name)?.createdAt);
  }
  /** Of all models, loaded or asleep: an adapter is there when its base is. */
  models(): readonly DecoderMetadata[] {
    const loaded = this.#ports.engines();
    return this.#ports.models().flatMap<DecoderMetadata>(model => {
      const engine = loaded.find(e => e === model);
      if (engine) return engine.adapters.map(a => this.over(engine, a.name)!);
      if (!isDescribed(model) || !("room" in model)) return [];
      return [...this.#entries.values()].filter(e => e.parent === model.model.id).map(e => sleepingAdapter(model, e));
    });
  }

  /** Errors: serve/adapter for a name that is none or that a model or an adapter has. */
  checkName(name: string): void {
    const fail = (expected: string, received: string) =>
      serveErrors.fail("adapter", { place: "adapter's name", expected, received: JSON.stringify(received.slice(0, 100)) });
    if (name.length > mostNameCharacters || !namePattern.test(name))
      throw fail(`letters, digits, "_", "-", ".", and "/" within, at most ${mostNameCharacters}`, name);
    if (this.#entries.has(name)) throw fail("a name that no adapter has", name);
    if (this.#ports.isTaken(name)) throw fail("a name that no model has", name);
  }

  /** Adds one to an engine that is there; resolves when it answers. Errors: serve/adapter, serve/notReady, serve/draining. */
  async add(base: Engine, name: string, adapter: Adapter): Promise<ShelvedAdapter> {
    this.checkName(name);
    const entry: Entry = {
      name,
      parent: base.model.id,
      rank: adapter.rank,
      digest: adapter.digest,
      createdAt: this.#ports.now(),
      adapter,
    };
    this.#entries.set(name, entry);
    try {
      await base.addAdapter(name, adapter);
    } catch (error) {
      if (this.#entries.get(name) === entry) this.#entries.delete(name);
      throw error;
    }
    return entry;
  }

  /** No new request finds it; resolves when those under way are over. Errors: serve/unknownModel. */
  async remove(name: string): Promise<void> {
    const entry = this.#entries.get(name);
    if (!entry)
      throw serveErrors.fail("unknownModel", {
        place: "adapter",
        expected: this.#entries.size ? `one of ${[...this.#entries.keys()].join(", ")}` : "an adapter, but none is loaded",
        received: JSON.stringify(name.slice(0, 100)),
      });
    this.#entries.delete(name);
    const base = this.#ports.engines().find(e => e.model.id === entry.parent);
    if (base?.adapters.some(a => a.name === name)) await base.removeAdapter(name);
  }

  /** A model is there again: it gets its adapters back before anybody can ask for them. */
  restore(base: Engine): void {
    for (const { name, parent, adapter } of this.#entries.values())
      if (parent === base.model.id && !base.adapters.some(a => a.name === name))
        base.addAdapter(name, adapter).catch(() => this.#entries.delete(name));
  }
  /** A model was unloaded: its adapters go with it. */
  forget(parent: string): void {
    for (const entry of [...this.#entries.values()]) if (entry.parent === parent) this.#entries.delete(entry.name);
  }
}
