/**
 * The engines of one server by the names of their models: decoders, and sentence encoders beside them. Models come and go while the server
 * runs, and those that sleep stay listed; a server without any is not ready. Where a router is (`lifecycle/fleet.ts`) it decides which version a
 * name means.
 */
import { nearest, systemClock } from "../base/index.ts";
import { AdapterShelf } from "./adapters/shelf.ts";
import { type ModelUse, modelUseOf, parseModelName } from "./authorization.ts";
import type { EmbeddingEngine } from "./embedding/embedding-engine.ts";
import type { Engine } from "./engine.ts";
import { EngineList } from "./engine-list.ts";
import { serveErrors } from "./errors.ts";
import type { Visit } from "./lifecycle/visit.ts";
import { isDescribed, type ListedMetadata, type ModelMetadata, type OfferedModel, sleepingModel } from "./model-metadata.ts";

export type AnyEngine = Engine | EmbeddingEngine;

/** Decides which version a name means, and sees to it that it stays while it is used. */
export interface Router {
  /** Undefined where the name is none of its own. Errors: serve/unknownVersion, serve/unknownLabel, serve/notReady, and `Asleep`. */
  route(model: string, visit: Visit | undefined): AnyEngine | undefined;
  /** The version that a name means, for a request that is only told of it: nothing wakes, and nobody uses it. Errors as of `route`, without `Asleep`. */
  describe(model: string, visit: Visit | undefined): ListedMetadata | undefined;
  /** A version that a contract has chosen by itself is used by the request from now on. */
  use(engine: AnyEngine, visit: Visit): void;
  readonly isReady: boolean;
  /** Some version answers, or would after waking; undefined where the name is none of its own. Errors as of `route`. */
  isModelReady(model: string): boolean | undefined;
  drain(): Promise<void>;
  close(): Promise<void>;
}

interface Shared {
  readonly decoders: EngineList<Engine>;
  readonly encoders: EngineList<EmbeddingEngine>;
  readonly offered: OfferedModel[];
  readonly watchers: Set<(engine: Engine) => void>;
  readonly encoderWatchers: Set<(encoder: EmbeddingEngine) => void>;
  readonly adapters: AdapterShelf;
  isLeaving: boolean;
  isDraining: boolean;
  router: Router | undefined;
  otherNames: string | undefined;
}

export class Engines {
  readonly #shared: Shared;
  readonly #visit: Visit | undefined;

  constructor(
    engines: readonly Engine[] = [],
    encoders: readonly EmbeddingEngine[] = [],
    as?: { readonly shared: Shared; readonly visit: Visit },
  ) {
    this.#visit = as?.visit;
    const adapters = () =>
      new AdapterShelf({
        engines: () => this.#engines,
        models: () => this.models(),
        isTaken: name => this.models().some(e => engineNames(e).includes(name)) || this.#shared.router?.isModelReady(name) !== undefined,
        now: () => systemClock.now(),
      });
    this.#shared = as?.shared ?? {
      adapters: adapters(),
      decoders: new EngineList(),
      encoders: new EngineList(),
      offered: [],
      watchers: new Set(),
      encoderWatchers: new Set(),
      isLeaving: false,
      isDraining: false,
      router: undefined,
      otherNames: undefined,
    };
    for (const engine of engines) this.add(engine);
    for (const encoder of encoders) this.addEncoder(encoder);
  }

  /** The same engines as one request sees them: what it finds is its own until the visit ends. */
  seenBy(visit: Visit): Engines {
    return new Engines([], [], { shared: this.#shared, visit });
  }
  routeBy(router: Router): void {
    this.#shared.router = router;
  }
  get isRouted(): boolean {
    return this.#shared.router !== undefined;
  }
  /** Names that mean nothing mean this model from now on. */
  takeOtherNames(model: string): void {
    this.#shared.otherNames = model;
  }
  get otherNames(): string | undefined {
    return this.#shared.otherNames;
  }
  /** What a name means where it is unknown; undefined where that is an error. */
  #otherwise(model: string): string | undefined {
    const { otherNames } = this.#shared;
    return otherNames === model ? undefined : otherNames;
  }
  /** Says that this request uses a model which it found in a list, under one of its names; gives its engine. Errors as of `show`, and `Asleep`. */
  use<E extends AnyEngine>(model: E, asked?: string): E;
  use(model: ListedMetadata, asked?: string): AnyEngine;
  use(model: ListedMetadata, asked?: string): AnyEngine {
    this.show(model, asked);
    const engine = this.#both.find(e => e === model);
    if (!engine) return this.findAny(model.model.id);
    if (this.#visit) this.#shared.router?.use(engine, this.#visit);
    return engine;
  }
  /** Says that this request is told of a model, which it does not use; gives it back. Errors: `Unauthorized` where it may not be yet. */
  show<M extends ListedMetadata>(engine: M, asked = engine.model.name ?? parseModelName(engine.model.id).model): M {
    if (this.#isHidden(() => modelUseOf(asked, engineNames(engine))))
      throw this.#unknown(
        asked,
        this.models().flatMap(e => this.namesToTell(e)),
      );
    this.#visit?.authorize(() => modelUseOf(asked, engineNames(engine)));
    return engine;
  }

  get #engines(): readonly Engine[] {
    return this.#told(this.#shared.decoders.loaded);
  }
  get #encoders(): readonly EmbeddingEngine[] {
    return this.#told(this.#shared.encoders.loaded);
  }
  /** All of them but for a request that is only told of models. */
  #told<M extends ListedMetadata>(all: readonly M[]): readonly M[] {
    return this.#visit?.hides ? all.filter(engine => this.namesToTell(engine).length > 0) : all;
  }
  /** The names of a model that the request may be told of. */
  namesToTell(engine: ListedMetadata): readonly string[] {
    const names = engineNames(engine);
    return this.#visit ? names.filter(name => this.#visit!.sees(modelUseOf(name, names))) : names;
  }
  #isHidden(use: () => ModelUse): boolean {
    return this.#visit?.hides === true && !this.#visit.sees(use());
  }
  /** Decoders and encoders that the request may be told of, loaded or asleep. */
  models(): readonly ListedMetadata[] {
    const { decoders, encoders, offered } = this.#shared;
    return this.#told([...decoders.all, ...encoders.all, ...offered]);
  }
  /** As `models`, and the adapters. */
  everything(): readonly ListedMetadata[] {
    return [...this.models(), ...this.#told(this.adapters.models())];
  }

  /**
   * The model of a name, for a request that is only told of it: nothing wakes, unless it is a model that was offered and nobody has loaded yet. Errors as
   * of `findAny`.
   */
  describe(model: string): ModelMetadata {
    const routed = this.described(model);
    const told = routed ?? this.models().find(m => engineNames(m).includes(model));
    if (told && isDescribed(told)) return routed ? told : this.show(told, model);
    const other = told ? undefined : this.#otherwise(model);
    return other === undefined ? this.findAny(model) : this.describe(other);
  }
  /** As `describe`, of a name that the router or an adapter has; undefined where they have none of that name. */
  described(model: string): ListedMetadata | undefined {
    if (this.adapters.parentOf(model) !== undefined) {
      if (this.#isHidden(() => modelUseOf(model, [model]))) return undefined;
      this.#visit?.authorize(() => modelUseOf(model, [model]));
      return this.adapters.models().find(m => m.model.id === model);
    }
    if (this.#isHidden(() => modelUseOf(model, [parseModelName(model).model]))) return undefined;
    const told = this.#shared.router?.describe(model, this.#visit);
    if (told && this.#visit) this.#visit.engine = told;
    return told;
  }
  /**
   * The decoder that a name means, or that an adapter's name is over, and its adapters by their numbers. Nothing wakes and no right is asked: whoever uses one of
   * them resolves it by its name. Of an unknown name: itself, without adapters.
   */
  familyOf(model: string): { readonly base: string; readonly adapters: readonly string[] } {
    const resolve = (): ListedMetadata | undefined => this.described(model) ?? this.models().find(m => engineNames(m).includes(model));
    const told = this.#visit ? this.#visit.covered(resolve) : resolve();
    const other = told ? undefined : this.#otherwise(model);
    if (other !== undefined) return this.familyOf(other);
    const id = told?.model.id ?? model;
    const base = this.adapters.parentOf(id) ?? id;
    const adapters = this.adapters.models().flatMap(m => (this.adapters.parentOf(m.model.id) === base ? [m.model.id] : []));
    return { base, adapters };
  }
  /** It answers, or would after waking. */
  isReadyNow({ state }: ListedMetadata): boolean {
    return !this.isLeaving && (state === "ready" || state === "asleep");
  }

  /** The adapters of all models. */
  get adapters(): AdapterShelf {
    return this.#shared.adapters;
  }
  /** The engine of an adapter's name; undefined where it is none. Errors as of `find`, of its model. */
  #adapted(name: string): Engine | undefined {
    const parent = this.adapters.parentOf(name);
    if (parent === undefined || this.#isHidden(() => modelUseOf(name, [name]))) return undefined;
    this.#visit?.authorize(() => modelUseOf(name, [name]));
    const base = () => this.find(parent);
    return this.adapters.over(this.#visit ? this.#visit.covered(base) : base(), name);
  }

  addEncoder(encoder: EmbeddingEngine): void {
    this.#takeOffer(encoder.model.id);
    this.#shared.encoders.add(encoder);
    for (const watch of this.#shared.encoderWatchers) watch(encoder);
  }

  /** As `watch`, for encoders. */
  watchEncoders(each: (encoder: EmbeddingEngine) => void): void {
    this.#shared.encoderWatchers.add(each);
    for (const encoder of this.#encoders) each(encoder);
  }

  /** Takes a model out, loaded or asleep; closing its engine is the caller's. */
  remove(model: ListedMetadata): void {
    const { decoders, encoders, offered } = this.#shared;
    if (isDescribed(model)) {
      decoders.remove(model);
      encoders.remove(model);
    } else if (offered.includes(model)) offered.splice(offered.indexOf(model), 1);
  }
  /** An engine goes, and its model stays listed under the metadata that this gives. Closing the engine is the caller's. */
  rest(engine: AnyEngine): ModelMetadata {
    const sleeping = sleepingModel(engine);
    const { decoders, encoders } = this.#shared;
    if (!decoders.rest(engine, sleeping)) encoders.rest(engine, sleeping);
    return sleeping;
  }
  /** Lists a model that the router would load for whoever asks for it. */
  offer(model: OfferedModel): void {
    this.#shared.offered.push(model);
  }
  #takeOffer(id: string): void {
    const { offered } = this.#shared;
    const at = offered.findIndex(m => m.model.id === id);
    if (at >= 0) offered.splice(at, 1);
  }

  encoders(): readonly EmbeddingEngine[] {
    return this.#encoders;
  }

  add(engine: Engine): void {
    this.#takeOffer(engine.model.id);
    this.#shared.decoders.add(engine);
    this.adapters.restore(engine);
    for (const watch of this.#shared.watchers) watch(engine);
  }

  /** Calls back for every engine, those that are there and those that come. */
  watch(each: (engine: Engine) => void): void {
    this.#shared.watchers.add(each);
    for (const engine of this.#engines) each(engine);
  }

  all(): readonly Engine[] {
    return this.#engines;
  }

  /** The engine of a decoder's id or alias, or of an adapter's name. Errors: serve/unknownModel; serve/unsupported where the name is a sentence encoder's. */
  find(model: string): Engine {
    const adapted = this.#adapted(model);
    if (adapted) return adapted;
    const routed = this.#routed(model);
    const found = this.#engines.find(e => (routed ? e === routed : engineNames(e).includes(model)));
    if (found) return this.#resolved(found, routed, model);
    const encoder = this.#encoders.find(e => (routed ? e === routed : engineNames(e).includes(model)));
    if (routed || encoder) {
      const isClassifier = encoder?.model.config.classifier !== undefined;
      throw serveErrors.fail("unsupported", {
        place: "model",
        expected: "a model that continues texts",
        received: `${shown(model)}, which ${isClassifier ? "is a classifier" : "embeds them"}`,
        hint: isClassifier ? `Ask it at /v1/models/${encoder.model.id.split("@")[0]}:classify.` : "Ask it at /v1/embeddings.",
      });
    }
    const other = this.#otherwise(model);
    if (other !== undefined) return this.find(other);
    throw this.#unknown(
      model,
      this.everything().flatMap(e => this.namesToTell(e)),
    );
  }

  /** The engine of a sentence encoder's id or alias. Errors as of `find`, the other way round. */
  findEncoder(model: string): EmbeddingEngine {
    const routed = this.#adapted(model) ?? this.#routed(model);
    const found = this.#encoders.find(e => (routed ? e === routed : engineNames(e).includes(model)));
    if (found) return this.#resolved(found, routed, model);
    if (routed || this.#engines.some(e => engineNames(e).includes(model)))
      throw serveErrors.fail("unsupported", {
        place: "model",
        expected: "a sentence encoder",
        received: `${shown(model)}, which continues texts`,
        hint: "Serve an encoder beside it.",
      });
    const other = this.#otherwise(model);
    if (other !== undefined) return this.findEncoder(other);
    throw this.#unknown(
      model,
      this.models().flatMap(e => this.namesToTell(e)),
    );
  }

  /** A decoder's or an encoder's engine. Errors: serve/unknownModel. */
  findAny(model: string): AnyEngine {
    const routed = this.#adapted(model) ?? this.#routed(model);
    const known = routed ?? this.#both.find(e => engineNames(e).includes(model));
    if (known) return this.#resolved(known, routed, model);
    const other = this.#otherwise(model);
    return other === undefined ? this.find(model) : this.findAny(other);
  }

  /** The version that the router chooses for a name, or an adapter's engine; undefined where it knows no such name. */
  routed(model: string): AnyEngine | undefined {
    return this.#adapted(model) ?? this.#routed(model);
  }

  #routed(model: string): AnyEngine | undefined {
    // what a router says of a version or a label would tell that there is a model
    if (this.#isHidden(() => modelUseOf(model, [parseModelName(model).model]))) return undefined;
    const engine = this.#shared.router?.route(model, this.#visit);
    if (engine && this.#visit) this.#visit.engine = engine;
    return engine;
  }

  /** What the router has chosen was authorised there. */
  #resolved<E extends AnyEngine>(engine: E, routed: AnyEngine | undefined, asked: string): E {
    return routed ? engine : this.show(engine, asked);
  }

  #unknown(model: string, names: readonly string[]) {
    const near = nearest(model, names) ?? (names.length === 1 ? names[0] : undefined);
    return serveErrors.fail("unknownModel", {
      place: "model",
      expected: names.length ? `one of ${names.join(", ")}` : "a model, but none is served",
      received: shown(model),
      ...(near ? { hint: `Try "${near}".` } : {}),
    });
  }

  get #both(): readonly AnyEngine[] {
    return [...this.#engines, ...this.#encoders];
  }

  /** The server is shutting down, and takes no new work. */
  get isDraining(): boolean {
    return this.#shared.isDraining;
  }
  /** The server is shutting down: it is not ready, and may still take work. */
  get isLeaving(): boolean {
    return this.#shared.isLeaving;
  }
  /** Every engine is loaded and warmed up, there is one, and the server is not shutting down; a router knows more exactly. */
  get isReady(): boolean {
    const { router, isLeaving } = this.#shared;
    if (router) return !isLeaving && router.isReady;
    return !isLeaving && this.#both.length > 0 && this.#both.every(e => e.state === "ready");
  }

  /** As `isReady`, of one model. Errors: serve/unknownModel. */
  isModelReady(model: string): boolean {
    const { router, isLeaving } = this.#shared;
    const parent = this.adapters.parentOf(model);
    if (parent !== undefined) return this.isModelReady(parent);
    return !isLeaving && (router?.isModelReady(model) ?? this.findAny(model).state === "ready");
  }

  /** Is not ready from now on. */
  leave(): void {
    this.#shared.isLeaving = true;
  }

  /** Takes no new work; resolves when nothing waits or runs. */
  async drain(): Promise<void> {
    this.#shared.isLeaving = true;
    this.#shared.isDraining = true;
    await Promise.all([...this.#both.map(e => e.drain()), this.#shared.router?.drain()]);
  }

  /** Ends everything that waits or runs. */
  async close(): Promise<void> {
    this.#shared.isLeaving = true;
    this.#shared.isDraining = true;
    await Promise.all(this.#both.map(e => e.close()));
    await this.#shared.router?.close();
  }
}

/** The model whose adapter it is. */
export const parentOf = ({ model }: ListedMetadata): string | undefined => ("parent" in model ? model.parent : undefined);

const shown = (model: string): string => JSON.stringify(model.slice(0, 100));

const given = new WeakMap<ListedMetadata, () => readonly string[]>();
/** Names beside the id are the router's from now on: labels move. */
export function nameBy(engine: ListedMetadata, names: () => readonly string[]): void {
  given.set(engine, names);
}
export const engineNames = (e: ListedMetadata): string[] => [...new Set([e.model.id, ...(given.get(e)?.() ?? e.model.aliases ?? [])])];
