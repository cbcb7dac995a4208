/** Models of one kind in the order in which they came. One that falls asleep or wakes keeps its place. */
import type { AnyEngine } from "./engines.ts";
import type { ModelMetadata } from "./model-metadata.ts";

export class EngineList<E extends AnyEngine> {
  readonly #all: (E | ModelMetadata)[] = [];
  readonly #asleep = new Set<ModelMetadata>();
  #loaded: readonly E[] = [];

  get all(): readonly (E | ModelMetadata)[] {
    return this.#all;
  }
  /** Those in memory. */
  get loaded(): readonly E[] {
    return this.#loaded;
  }

  /** In the place of the one of that id that sleeps, where there is one. */
  add(engine: E): void {
    const sleeping = [...this.#asleep].find(m => m.model.id === engine.model.id);
    if (sleeping) this.#put(sleeping, engine);
    else this.#all.push(engine);
    this.#update();
  }
  /** An engine's place is taken by the metadata of its model. False where it has none. */
  rest(engine: AnyEngine, sleeping: ModelMetadata): boolean {
    if (!this.#all.includes(engine as E)) return false;
    this.#asleep.add(sleeping);
    this.#put(engine, sleeping);
    this.#update();
    return true;
  }
  remove(model: AnyEngine | ModelMetadata): void {
    this.#put(model);
    this.#update();
  }

  #put(model: AnyEngine | ModelMetadata, ...instead: (E | ModelMetadata)[]): void {
    const at = this.#all.indexOf(model as E);
    if (at < 0) return;
    this.#asleep.delete(model);
    this.#all.splice(at, 1, ...instead);
  }
  #update(): void {
    this.#loaded = this.#all.filter((m): m is E => !this.#asleep.has(m));
  }
}
