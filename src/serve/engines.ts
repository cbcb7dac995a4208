/** The engines of one server by the names of their models. Models come and go while the server runs; a server without any is not ready. */
import { nearest } from "../base/index.ts";
import type { Engine } from "./engine.ts";
import { serveErrors } from "./errors.ts";

export class Engines {
  readonly #engines: Engine[] = [];
  readonly #watchers = new Set<(engine: Engine) => void>();
  #isDraining = false;

  constructor(engines: readonly Engine[] = []) {
    for (const engine of engines) this.add(engine);
  }

  add(engine: Engine): void {
    this.#engines.push(engine);
    for (const watch of this.#watchers) watch(engine);
  }

  /** Calls back for every engine, those that are there and those that come. */
  watch(each: (engine: Engine) => void): void {
    this.#watchers.add(each);
    for (const engine of this.#engines) each(engine);
  }

  /** Takes an engine out; closing it is the caller's. */
  remove(engine: Engine): void {
    const at = this.#engines.indexOf(engine);
    if (at >= 0) this.#engines.splice(at, 1);
  }

  all(): readonly Engine[] {
    return this.#engines;
  }

  /** The engine of a model's id or alias. Errors: serve/unknownModel. */
  find(model: string): Engine {
    const found = this.#engines.find(e => namesOf(e).includes(model));
    if (found) return found;
    const names = this.#engines.flatMap(namesOf);
    const near = nearest(model, names) ?? (names.length === 1 ? names[0] : undefined);
    throw serveErrors.fail("unknownModel", {
      place: "model",
      expected: names.length ? `one of ${names.join(", ")}` : "a model, but none is served",
      received: JSON.stringify(model.slice(0, 100)),
      ...(near ? { hint: `Try "${near}".` } : {}),
    });
  }

  get isDraining(): boolean {
    return this.#isDraining;
  }
  /** Every engine is loaded and warmed up, there is one, and the server is not shutting down. */
  get isReady(): boolean {
    return !this.#isDraining && this.#engines.length > 0 && this.#engines.every(e => e.state === "ready");
  }

  /** Takes no new work; resolves when nothing waits or runs. */
  async drain(): Promise<void> {
    this.#isDraining = true;
    await Promise.all(this.#engines.map(e => e.drain()));
  }

  /** Ends everything that waits or runs. */
  async close(): Promise<void> {
    this.#isDraining = true;
    await Promise.all(this.#engines.map(e => e.close()));
  }
}

const namesOf = (e: Engine): string[] => [e.model.id, ...(e.model.aliases ?? [])];
