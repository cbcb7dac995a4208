/**
 * A model with one of its adapters, as every contract sees it: an engine of its own name and fingerprint whose answers are rows of the same
 * steps. It holds nothing; what it is asked for it asks its base with the adapter's name.
 */
import { defined, hashOf } from "../../base/index.ts";
import type { Adapter, AdapterRoom } from "../../nn/index.ts";
import type { Device } from "../../tensor/index.ts";
import type { Engine, EngineState, EngineStats, Generation } from "../engine.ts";
import type { GenerationRequest } from "../generation.ts";
import type { DecoderMetadata } from "../model-metadata.ts";
import type { EngineObserver } from "../observer.ts";
import type { ServedModel } from "../served-model.ts";
import type { PlacedAdapter } from "./places.ts";
import type { ShelvedAdapter } from "./shelf.ts";

/** A base's model as its adapter's: under a name and a fingerprint of its own. */
function adaptedModel<M extends DecoderMetadata["model"]>(base: M, name: string, digest: string, createdAt?: number) {
  const { aliases: _, artifact: __, version: ___, ...model } = base;
  const fingerprint = hashOf({ base: model.fingerprint, adapter: digest });
  return { ...model, id: name, name, parent: base.id, fingerprint, ...defined({ createdAt }) };
}

function adaptedFingerprint(
  { fingerprint, adapterRoom: room }: Pick<DecoderMetadata, "fingerprint" | "adapterRoom">,
  digest: string,
): string {
  return fingerprint === "" ? "" : `fp_${hashOf({ base: fingerprint, adapter: digest, room: { ...room } }).slice(0, 16)}`;
}

/** An adapter's metadata while its base sleeps: what `AdaptedEngine` tells once it is awake. */
export const sleepingAdapter = (base: DecoderMetadata, adapter: ShelvedAdapter): DecoderMetadata => ({
  ...base,
  model: adaptedModel(base.model, adapter.name, adapter.digest, adapter.createdAt),
  fingerprint: adaptedFingerprint(base, adapter.digest),
});

export class AdaptedEngine implements Engine {
  readonly base: Engine;
  readonly model: ServedModel;
  readonly #placed: PlacedAdapter;

  /** `createdAt`: milliseconds since 1970 at which it was loaded. */
  constructor(base: Engine, placed: PlacedAdapter, createdAt?: number) {
    this.base = base;
    this.#placed = placed;
    this.model = adaptedModel(base.model, placed.name, placed.adapter.digest, createdAt);
  }

  /** Of the base's and the adapter's numbers and the programs with adapters; the same under any name and in any place. */
  get fingerprint(): string {
    return adaptedFingerprint(this.base, this.#placed.adapter.digest);
  }
  submit(request: GenerationRequest): Generation {
    return this.submitAll([request])[0]!;
  }
  submitAll(requests: readonly GenerationRequest[]): Generation[] {
    return this.base.submitAll(requests.map(r => ({ ...r, adapter: this.#placed.name })));
  }

  get ready(): Promise<void> {
    return this.base.ready;
  }
  get state(): EngineState {
    return this.base.state;
  }
  get device(): Device {
    return this.base.device;
  }
  get room(): number {
    return this.base.room;
  }
  get numParameters(): number {
    return this.base.numParameters;
  }
  get retryAfterSeconds(): number {
    return this.base.retryAfterSeconds;
  }
  /** Of the base: its steps are shared. */
  stats(): EngineStats {
    return this.base.stats();
  }
  observe(observer: EngineObserver): () => void {
    return this.base.observe(observer);
  }
  get adapterRoom(): AdapterRoom {
    return this.base.adapterRoom;
  }
  get adapters(): readonly PlacedAdapter[] {
    return this.base.adapters;
  }
  addAdapter(name: string, adapter: Adapter): Promise<void> {
    return this.base.addAdapter(name, adapter);
  }
  removeAdapter(name: string): Promise<void> {
    return this.base.removeAdapter(name);
  }
  drain(): Promise<void> {
    return this.base.drain();
  }
  abortAll(error: unknown): void {
    this.base.abortAll(error);
  }
  close(): Promise<void> {
    return this.base.close();
  }
}

/** The engine whose steps it shares: itself, where it is no adapter's. */
export const baseOf = <E extends object>(engine: E): E | Engine => (engine instanceof AdaptedEngine ? engine.base : engine);
