/**
 * All models and versions of one process: loads a version while others serve, swaps without a lost or mixed request, gives memory back,
 * sleeps when idle, and decides which version a name means. A version is routed to only when it is warm, and is closed only when nobody
 * uses it any more. What does it is beside: who there is (`members.ts`), how versions come and go (`loading.ts`), what points at them
 * (`pointing.ts`), which one answers (`routing.ts`). Ideas: TensorFlow Serving (version policies), Ollama (keep_alive).
 */
import type { AnyEngine, Router } from "../engines.ts";
import type { ListedMetadata } from "../model-metadata.ts";
import type { FleetChange, FleetOptions } from "./fleet-options.ts";
import type { RulesData } from "./labels.ts";
import { Loading } from "./loading.ts";
import { LoadedMembers, type VersionInfo } from "./members.ts";
import { Pointing } from "./pointing.ts";
import type { VersionPolicy } from "./policy.ts";
import { Routing } from "./routing.ts";
import type { SplitWeights } from "./split.ts";
import { checkThere, newestOf, type VersionSource } from "./version-source.ts";
import type { Visit } from "./visit.ts";

export class Fleet implements Router {
  readonly #source: VersionSource;
  readonly #members: LoadedMembers;
  readonly #loading: Loading;
  readonly #pointing: Pointing;
  readonly #routing: Routing;

  constructor(options: FleetOptions) {
    this.#source = options.source;
    this.#members = new LoadedMembers(options);
    this.#loading = new Loading(options, this.#members);
    this.#pointing = new Pointing(options, this.#members, this.#loading);
    this.#routing = new Routing(this.#members, this.#loading);
    options.engines.routeBy(this);
  }

  /** Adds a watcher of changes; the result removes it. */
  observe(watch: (change: FleetChange) => void): () => void {
    return this.#loading.observe(watch);
  }

  /** Loads a version and warms it up; resolves when it serves. Whatever serves meanwhile is not touched, also when this fails. */
  load(name: string, version: number, options: { readonly keepAliveMs?: number } = {}): Promise<void> {
    return this.#loading.load(name, version, options);
  }

  /** Makes a version answer without loading it: the first request for it does. Nothing changes where it is loaded. */
  offer(name: string, version: number): void {
    this.#loading.offer(name, version);
  }

  /**
   * Takes a version out: no new request comes to it, those that use it are finished, then its memory is given back. Errors:
   * serve/unknownVersion; serve/inUse while a label or a weight points at it, unless `force` takes those away too.
   */
  unload(name: string, version: number, options: { readonly force?: boolean } = {}): Promise<void> {
    return this.#loading.unload(name, version, options);
  }

  /**
   * Gives a version's memory back as soon as nobody uses it; it stays listed, and the next request loads it again. Resolves when it sleeps. Errors:
   * serve/unknownVersion.
   */
  rest(name: string, version: number): Promise<void> {
    return this.#loading.rest(name, version);
  }

  /**
   * Moves labels that came from the record to where it has moved them, after what they point at now is loaded. Labels that were set here stay.
   * Gives the errors of loads that failed: their labels stay where they were.
   */
  followAliases(name: string): Promise<readonly unknown[]> {
    return this.#pointing.followAliases(name);
  }

  /** From now on a model's bare name means what has this label, as long as that is there; where requests are split, their shares hold. */
  meanLabel(name: string, label: string): void {
    this.#pointing.meanLabel(name, label);
  }

  /** Points a label at a version; `undefined` takes it away. Errors: serve/parameter, serve/unknownVersion, serve/notLoaded, serve/guarded. */
  label(name: string, label: string, version: number | undefined): void {
    this.#pointing.label(name, label, version);
  }

  /**
   * Splits the requests for a model's bare name by weight, and copies shares of them (percent) to shadows. Without weights the newest version
   * answers all. Errors: serve/parameter, serve/unknownVersion, serve/notLoaded.
   */
  split(name: string, weights: SplitWeights, shadows: SplitWeights = new Map()): void {
    this.#pointing.split(name, weights, shadows);
  }

  /** How long versions of a model rest before they leave memory, unless a load or a request says otherwise. */
  keepAlive(name: string, ms: number): void {
    this.#pointing.keepAlive(name, ms);
  }

  /**
   * Points labels and weights as they were kept or written down, and loads what they point at first. A version that cannot be loaded loses
   * what points at it; gives the errors of those. The server is not ready meanwhile: who comes first must meet the same shares as who comes last.
   */
  restore(name: string, data: RulesData): Promise<readonly unknown[]> {
    return this.#pointing.restore(name, data);
  }

  /**
   * Brings the loaded versions in line with the policy: what is missing is loaded first, what is too much goes when all that is wanted serves.
   * What a label or a weight points at stays. Gives the errors of loads that failed.
   */
  follow(name: string, policy?: VersionPolicy): Promise<readonly unknown[]> {
    return this.#pointing.follow(name, policy);
  }

  route(model: string, visit: Visit | undefined): AnyEngine | undefined {
    return this.#routing.route(model, visit);
  }
  describe(model: string, visit: Visit | undefined): ListedMetadata | undefined {
    return this.#routing.describe(model, visit);
  }
  use(engine: AnyEngine, visit: Visit): void {
    this.#routing.use(engine, visit);
  }

  /** The newest version that the source has of a name. Errors: serve/unknownModel. */
  newestOf(name: string): Promise<number> {
    return newestOf(this.#source, name);
  }
  /** Errors: serve/unknownModel, serve/unknownVersion where the source has no such version. */
  checkThere(name: string, version: number): Promise<void> {
    return checkThere(this.#source, name, version);
  }

  /** Every version there is, by name and number. */
  list(): readonly VersionInfo[] {
    return this.#members.list();
  }

  /** Of every model some version serves, or sleeps and would wake. */
  get isReady(): boolean {
    const names = new Set(this.#members.all.filter(e => e.state !== "unloaded").map(e => e.name));
    return !this.#pointing.isRestoring && names.size > 0 && [...names].every(name => this.#members.versions(name).some(e => e.isThere));
  }
  isModelReady(model: string): boolean | undefined {
    return this.#routing.isModelReady(model);
  }

  /** No version wakes or loads from now on; resolves when those that unload are done. */
  drain(): Promise<void> {
    return this.#loading.drain();
  }
  /** Ends all engines and gives all memory back. */
  close(): Promise<void> {
    return this.#loading.close();
  }
}
