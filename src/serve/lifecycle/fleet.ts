/**
 * All models and versions of one process: loads a version while others serve, swaps without a lost or mixed request, gives memory back,
 * sleeps when idle, and decides which version a name means. A version is routed to only when it is warm, and is closed only when nobody
 * uses it any more. Ideas: TensorFlow Serving (version policies; labels move only to loaded versions), Ollama (keep_alive).
 */

import type { EngineState } from "../engine.ts";
import { type AnyEngine, type Engines, nameBy, type Router } from "../engines.ts";
import { serveErrors } from "../errors.ts";
import { FleetEntry, type VersionState } from "./fleet-entry.ts";
import { labelPattern, ModelRules, pointedAt, type RulesData, weightsOf } from "./labels.ts";
import { type VersionPolicy, wantedVersions } from "./policy.ts";
import { cycleLength, versionOfUser, type Weights } from "./split.ts";
import type { VersionSource } from "./version-source.ts";
import { Asleep, type Visit } from "./visit.ts";

export interface FleetOptions {
  readonly engines: Engines;
  readonly source: VersionSource;
  /** How long a version without work stays in memory; for ever when absent. */
  readonly keepAliveMs?: number;
  /** Labels that the record alone may point: releases guard them. */
  readonly isGuarded?: (name: string, label: string) => boolean;
  /** Told of a label that was written down and is left to the record. */
  readonly onGuarded?: (name: string, label: string) => void;
  /** Told of every change; `ms` is how long it took. */
  readonly onChange?: (change: FleetChange) => void;
  /** Told when somebody has pointed a label, a weight or a policy elsewhere: whoever keeps rules over a restart writes them down. */
  readonly onRules?: (name: string, rules: RulesData) => void;
}

export interface FleetChange {
  readonly kind: "loaded" | "load failed" | "unloaded" | "asleep";
  readonly name: string;
  readonly version: number;
  readonly ms: number;
  readonly error?: unknown;
}

export interface VersionInfo {
  readonly name: string;
  readonly version: number;
  readonly id: string;
  readonly state: VersionState;
  /** The engine's own state, where there is one. */
  readonly engine: EngineState | null;
  readonly labels: readonly string[];
  /** Of all weights of the model; null where its traffic is not split. */
  readonly weight: number | null;
  /** Percent of requests that are copied to it. */
  readonly shadow: number | null;
  /** Requests that use it. */
  readonly users: number;
  readonly keepAliveMs: number | null;
  readonly error: string | null;
}

/** A version that did not load so often in a row is left alone by policies; asking for it tries again. */
const mostFailures = 5;
/** An answer is still under way when the time of rest is over: look again after so long. */
const busyMs = 100;

export class Fleet implements Router {
  readonly #engines: Engines;
  readonly #options: FleetOptions;
  readonly #entries = new Map<string, FleetEntry>();
  readonly #rules = new Map<string, ModelRules>();
  readonly #watchers = new Set<(change: FleetChange) => void>();
  #isClosed = false;
  #restoring = 0;

  constructor(options: FleetOptions) {
    this.#options = options;
    this.#engines = options.engines;
    if (options.onChange) this.#watchers.add(options.onChange);
    options.engines.routeBy(this);
  }

  /** Adds a watcher of changes; the result removes it. */
  observe(watch: (change: FleetChange) => void): () => void {
    this.#watchers.add(watch);
    return () => this.#watchers.delete(watch);
  }

  /** Loads a version and warms it up; resolves when it serves. Whatever serves meanwhile is not touched, also when this fails. */
  async load(name: string, version: number, { keepAliveMs }: { readonly keepAliveMs?: number } = {}): Promise<void> {
    if (this.#isClosed) throw closing(name);
    const entry = this.#entry(name, version);
    if (keepAliveMs !== undefined) entry.keepAliveMs = keepAliveMs;
    if (entry.state === "unloaded" || entry.state === "failed") entry.state = "loading";
    await this.#change(entry, () => this.#open(entry));
  }

  /** Makes a version answer without loading it: the first request for it does. Nothing changes where it is loaded. */
  offer(name: string, version: number): void {
    const entry = this.#entry(name, version);
    if (entry.state === "unloaded") entry.state = "asleep";
  }

  /**
   * Takes a version out: no new request comes to it, those that use it are finished, then its memory is given back. Errors:
   * serve/unknownVersion; serve/inUse while a label or a weight points at it, unless `force` takes those away too.
   */
  async unload(name: string, version: number, { force = false }: { readonly force?: boolean } = {}): Promise<void> {
    const entry = this.#known(name, version);
    this.#mayUnload(entry, force);
    if (force && this.#rulesOf(name).pointers(version).length > 0) {
      this.#rulesOf(name).forget(version);
      this.#tellRules(name);
    }
    if (entry.state === "ready") entry.state = "unloading";
    await this.#change(entry, async () => {
      if (entry.state === "ready") this.#mayUnload(entry, force);
      await this.#shut(entry, "unloaded");
    });
  }

  #change<T>(entry: FleetEntry, change: () => Promise<T>): Promise<T> {
    return entry.after(change, () => {
      // while a change waits the entry stays, so that changes of one version never overtake each other
      if (entry.isSettled && entry.state === "unloaded" && this.#entries.get(entry.key) === entry) this.#entries.delete(entry.key);
    });
  }

  #mayUnload({ name, version, key }: FleetEntry, force: boolean): void {
    const pointers = this.#rulesOf(name).pointers(version);
    if (!force && pointers.length > 0)
      throw serveErrors.fail("inUse", {
        place: key,
        expected: "a version that nothing points at",
        received: pointers.join(", "),
        hint: "Point it at another version first, or unload with force.",
      });
  }

  async #open(entry: FleetEntry): Promise<void> {
    if (entry.state === "ready" && entry.open?.engine.state === "failed") await this.#shut(entry, "asleep");
    // it serves, or serves no more because the change after this one unloads it
    if (entry.open) return;
    if (this.#isClosed) throw closing(entry.name);
    const wasAsleep = entry.state === "asleep";
    const startMs = performance.now();
    entry.state = "loading";
    entry.isDozing = wasAsleep;
    let open: Awaited<ReturnType<VersionSource["open"]>> | undefined;
    try {
      open = await this.#options.source.open(entry.name, entry.version);
      await open.engine.ready;
      if (this.#isClosed) throw closing(entry.name);
    } catch (error) {
      await open?.close().catch(() => {});
      // whoever asks next tries again
      entry.state = wasAsleep ? "asleep" : "failed";
      entry.isDozing = false;
      entry.error = error;
      entry.failures++;
      this.#tell({ kind: "load failed", name: entry.name, version: entry.version, ms: performance.now() - startMs, error });
      throw error;
    }
    entry.open = open;
    entry.error = undefined;
    entry.failures = 0;
    entry.isDozing = false;
    entry.state = "ready";
    this.#enlist(entry, open.engine);
    const { labels, recorded } = this.#rulesOf(entry.name);
    for (const label of open.labels ?? [])
      if (labelPattern.test(label) && (!labels.has(label) || recorded.has(label) || this.#options.isGuarded?.(entry.name, label))) {
        labels.set(label, entry.version);
        recorded.add(label);
      }
    this.#tell({ kind: "loaded", name: entry.name, version: entry.version, ms: performance.now() - startMs });
    entry.doze(() => this.#sleep(entry));
  }

  #enlist(entry: FleetEntry, engine: AnyEngine): void {
    nameBy(engine, () => this.#namesOf(entry));
    if ("embed" in engine) this.#engines.addEncoder(engine);
    else this.#engines.add(engine);
  }
  #delist(engine: AnyEngine): void {
    if ("embed" in engine) this.#engines.removeEncoder(engine);
    else this.#engines.remove(engine);
  }

  /** Names that mean this version now; the bare name means one only while traffic is not split. */
  #namesOf(entry: FleetEntry): readonly string[] {
    const rules = this.#rulesOf(entry.name);
    const labels = [...rules.labels].filter(([, v]) => v === entry.version).map(([label]) => `${entry.name}@${label}`);
    const isBare = rules.weights.size > 0 ? rules.weights.has(entry.version) : this.#bare(entry.name) === entry;
    return [entry.key, ...(this.#newest(entry.name) === entry ? [`${entry.name}@latest`] : []), ...labels, ...(isBare ? [entry.name] : [])];
  }

  async #shut(entry: FleetEntry, into: "unloaded" | "asleep"): Promise<void> {
    const { open } = entry;
    if (into === "unloaded") this.#engines.adapters.forget(entry.id);
    if (!open) {
      if (into === "unloaded") entry.state = into;
      return;
    }
    const startMs = performance.now();
    entry.state = "unloading";
    entry.isDozing = into === "asleep";
    entry.stay();
    await entry.free();
    this.#delist(open.engine);
    try {
      await open.engine.drain();
      await open.close();
    } finally {
      entry.open = undefined;
      entry.isDozing = false;
      entry.state = into;
      this.#tell({ kind: into, name: entry.name, version: entry.version, ms: performance.now() - startMs });
    }
  }

  #sleep(entry: FleetEntry): void {
    if (entry.state !== "ready" || entry.users > 0 || this.#isClosed) return;
    this.#change(entry, async () => {
      if (entry.state !== "ready" || entry.users > 0) return;
      const { running, queued } = entry.open!.engine.stats();
      if (running + queued > 0) entry.doze(() => this.#sleep(entry), busyMs);
      else await this.#shut(entry, "asleep");
    }).catch(() => {});
  }

  /**
   * Moves labels that came from the record to where it has moved them, after what they point at now is loaded. Labels that were set here stay.
   * Gives the errors of loads that failed: their labels stay where they were.
   */
  async followAliases(name: string): Promise<readonly unknown[]> {
    const { labels, recorded } = this.#rulesOf(name);
    if (recorded.size === 0 || !this.#options.source.aliases) return [];
    const aliases = await this.#options.source.aliases(name);
    const errors: unknown[] = [];
    for (const label of recorded) {
      const version = aliases[label];
      if (version === labels.get(label)) continue;
      if (version === undefined) {
        labels.delete(label);
        recorded.delete(label);
        continue;
      }
      try {
        if (!this.#entries.get(`${name}@${version}`)?.isThere) await this.load(name, version);
        if (recorded.has(label)) labels.set(label, version);
      } catch (error) {
        errors.push(error);
      }
    }
    return errors;
  }

  /** From now on a model's bare name means what has this label, as long as that is there; where requests are split, their shares hold. */
  meanLabel(name: string, label: string): void {
    this.#rulesOf(name).bare = label;
  }

  /** Points a label at a version; `undefined` takes it away. Errors: serve/parameter, serve/unknownVersion, serve/notLoaded, serve/guarded. */
  label(name: string, label: string, version: number | undefined): void {
    if (!labelPattern.test(label))
      throw serveErrors.fail("parameter", {
        place: "label",
        expected: 'letters, digits, "_", "-" and ".", no number and not "latest"',
        received: JSON.stringify(label.slice(0, 80)),
      });
    if (this.#options.isGuarded?.(name, label))
      throw serveErrors.fail("guarded", {
        place: `${name}@${label}`,
        expected: "a label that no release guards",
        received: `"${label}"`,
        hint: `\`loam models promote ${name}@VERSION ${label}\` moves it, and the server follows.`,
      });
    const { labels, recorded } = this.#rulesOf(name);
    if (version === undefined) {
      if (!labels.delete(label)) throw this.#unknownLabel(name, label);
    } else {
      this.#loaded(name, version);
      labels.set(label, version);
    }
    recorded.delete(label);
    this.#tellRules(name);
  }

  /**
   * Splits the requests for a model's bare name by weight, and copies shares of them (percent) to shadows. Without weights the newest version
   * answers all. Errors: serve/parameter, serve/unknownVersion, serve/notLoaded.
   */
  split(name: string, weights: Weights, shadows: Weights = new Map()): void {
    for (const [place, all, most] of [
      ["weights", weights, 1_000_000],
      ["shadow", shadows, 100],
    ] as const)
      for (const [version, weight] of all) {
        if (!Number.isSafeInteger(weight) || weight < 0 || weight > most)
          throw serveErrors.fail("parameter", {
            place: `${place}.${version}`,
            expected: `a whole number from 0 to ${most}`,
            received: String(weight),
          });
        if (weight > 0) this.#loaded(name, version);
      }
    const rules = this.#rulesOf(name);
    rules.setWeights(weights);
    rules.setShadows(shadows);
    this.#tellRules(name);
  }

  /** How long versions of a model rest before they leave memory, unless a load or a request says otherwise. */
  keepAlive(name: string, ms: number): void {
    this.#rulesOf(name).keepAliveMs = ms;
  }

  /**
   * Points labels and weights as they were kept or written down, and loads what they point at first. A version that cannot be loaded loses
   * what points at it; gives the errors of those. The server is not ready meanwhile: who comes first must meet the same shares as who comes last.
   */
  async restore(name: string, data: RulesData): Promise<readonly unknown[]> {
    this.#restoring++;
    try {
      return await this.#restore(name, data);
    } finally {
      this.#restoring--;
    }
  }

  async #restore(name: string, data: RulesData): Promise<readonly unknown[]> {
    const errors: unknown[] = data.policy ? [...(await this.follow(name, data.policy))] : [];
    const isThere = (version: number) => this.#entries.get(`${name}@${version}`)?.isThere ?? false;
    for (const version of pointedAt(data))
      if (!isThere(version))
        await this.checkThere(name, version)
          .then(() => this.load(name, version))
          .catch(error => errors.push(error));
    for (const [label, version] of Object.entries(data.labels))
      if (this.#options.isGuarded?.(name, label)) this.#options.onGuarded?.(name, label);
      else if (isThere(version)) this.label(name, label, version);
    const there = (weights: Weights): Weights => new Map([...weights].filter(([version]) => isThere(version)));
    this.split(name, there(weightsOf(data.weights)), there(weightsOf(data.shadow)));
    return errors;
  }

  #loaded(name: string, version: number): void {
    const { state, key } = this.#known(name, version);
    if (state !== "ready" && state !== "asleep")
      throw serveErrors.fail("notLoaded", {
        place: key,
        expected: "a version that is loaded",
        received: `one that is ${state}`,
        hint: "Load it first, and point at it when it serves.",
      });
  }

  /**
   * Brings the loaded versions in line with the policy: what is missing is loaded first, what is too much goes when all that is wanted serves.
   * What a label or a weight points at stays. Gives the errors of loads that failed.
   */
  async follow(name: string, policy?: VersionPolicy): Promise<readonly unknown[]> {
    const rules = this.#rulesOf(name);
    if (policy) {
      rules.policy = policy;
      this.#tellRules(name);
    }
    if (!rules.policy) return [];
    const wanted = wantedVersions(rules.policy, await this.#options.source.versions(name));
    const errors: unknown[] = [];
    for (const version of wanted) {
      const entry = this.#entries.get(`${name}@${version}`);
      if (entry?.state === "ready" || entry?.state === "asleep") continue;
      if (!policy && entry && entry.failures >= mostFailures) continue;
      await this.load(name, version).catch(error => errors.push(error));
    }
    if (errors.length > 0 || wanted.length === 0) return errors;
    const extra = this.#versions(name).filter(
      e => !wanted.includes(e.version) && e.state !== "unloading" && rules.pointers(e.version).length === 0,
    );
    await Promise.all(extra.map(e => this.unload(name, e.version)));
    return errors;
  }

  route(model: string, visit: Visit | undefined): AnyEngine | undefined {
    const named = this.#named(model);
    if (!named) return undefined;
    visit?.check();
    const before = visit?.chosen.get(model);
    const held = before === undefined ? undefined : this.#entries.get(`${named.name}@${before}`);
    const entry = held && (visit?.holds(held.key) || held.isThere) ? held : this.#choose(named, visit);
    visit?.chosen.set(model, entry.version);
    if (visit && held !== entry && named.which === undefined) this.#shadow(named.name, entry, visit);
    return this.#enter(entry, visit);
  }

  #enter(entry: FleetEntry, visit: Visit | undefined): AnyEngine {
    if (entry.open && (entry.state === "ready" || visit?.holds(entry.key))) {
      visit?.hold(entry.key, () => entry.take(() => this.#sleep(entry)));
      return entry.open.engine;
    }
    if (entry.isThere) throw new Asleep(entry.id, this.load(entry.name, entry.version));
    throw serveErrors.fail("notReady", {
      place: entry.id,
      message: entry.state === "failed" ? "the model failed to load" : `the model is ${entry.state}`,
      hint: entry.state === "failed" ? "The server's log names the reason." : "Retry in a moment.",
    });
  }

  use(engine: AnyEngine, visit: Visit): void {
    visit.engine = engine;
    const entry = [...this.#entries.values()].find(e => e.open?.engine === engine);
    if (entry) visit.hold(entry.key, () => entry.take(() => this.#sleep(entry)));
  }

  /** `name`, `name@3`, `name@label`; a name may have an @ of its own. */
  #named(model: string): { readonly name: string; readonly which: string | undefined } | undefined {
    if (this.#has(model)) return { name: model, which: undefined };
    const at = model.lastIndexOf("@");
    const name = model.slice(0, at);
    return at > 0 && this.#has(name) ? { name, which: model.slice(at + 1) } : undefined;
  }
  #has(name: string): boolean {
    return this.#versions(name).length > 0;
  }

  #choose({ name, which }: { readonly name: string; readonly which: string | undefined }, visit: Visit | undefined): FleetEntry {
    if (which !== undefined && /^\d+$/.test(which)) return this.#known(name, Number(which));
    const { labels, weights } = this.#rulesOf(name);
    if (which !== undefined && which !== "latest") {
      const version = labels.get(which);
      if (version === undefined) throw this.#unknownLabel(name, which);
      return this.#known(name, version);
    }
    if (which === undefined && weights.size > 0) {
      const there = new Map([...weights].filter(([v]) => this.#entries.get(`${name}@${v}`)?.isThere));
      const split = this.#ofSplit(name, there, visit?.user);
      if (split) return split;
    }
    return (which === undefined ? this.#bare(name) : this.#newest(name))!;
  }

  #ofSplit(name: string, there: Weights, user: string | undefined): FleetEntry | undefined {
    if (there.size === 0) return undefined;
    if (user !== undefined) return this.#entries.get(`${name}@${versionOfUser(name, there, user)}`);
    const rules = this.#rulesOf(name);
    // a version that broke down has turns, too: they are its neighbours'
    for (let i = 0; i < cycleLength(rules.weights); i++) {
      const version = rules.nextOfCycle();
      if (version !== undefined && there.has(version)) return this.#entries.get(`${name}@${version}`);
    }
    return undefined;
  }

  #shadow(name: string, entry: FleetEntry, visit: Visit): void {
    for (const version of this.#rulesOf(name).nextShadows())
      if (version !== entry.version && this.#entries.get(`${name}@${version}`)?.isServing) visit.shadows.add(`${name}@${version}`);
  }

  #versions(name: string): readonly FleetEntry[] {
    return [...this.#entries.values()].filter(e => e.name === name && e.state !== "unloaded");
  }
  /** The newest that serves, else that sleeps, else that there is. */
  #newest(name: string): FleetEntry | undefined {
    const falling = this.#versions(name).toSorted((a, b) => b.version - a.version);
    return falling.find(e => e.isServing) ?? falling.find(e => e.isThere) ?? falling.find(e => e.state === "loading") ?? falling[0];
  }
  /** What the bare name means where requests are not split. */
  #bare(name: string): FleetEntry | undefined {
    const { bare, labels } = this.#rulesOf(name);
    const version = bare === undefined ? undefined : labels.get(bare);
    const entry = version === undefined ? undefined : this.#entries.get(`${name}@${version}`);
    return entry?.isThere ? entry : this.#newest(name);
  }
  #entry(name: string, version: number): FleetEntry {
    const key = `${name}@${version}`;
    const known = this.#entries.get(key);
    if (known) return known;
    const made = new FleetEntry(name, version, this.#rulesOf(name).keepAliveMs ?? this.#options.keepAliveMs ?? Number.POSITIVE_INFINITY);
    this.#entries.set(key, made);
    return made;
  }
  #rulesOf(name: string): ModelRules {
    const known = this.#rules.get(name);
    if (known) return known;
    const made = new ModelRules();
    this.#rules.set(name, made);
    return made;
  }

  #known(name: string, version: number): FleetEntry {
    const entry = this.#entries.get(`${name}@${version}`);
    if (entry && entry.state !== "unloaded") return entry;
    const there = this.#versions(name).map(e => e.version);
    if (there.length === 0)
      throw serveErrors.fail("unknownModel", {
        place: "model",
        expected: `one of ${[...new Set([...this.#entries.values()].map(e => e.name))].join(", ") || "none"}`,
        received: JSON.stringify(name.slice(0, 100)),
      });
    throw serveErrors.fail("unknownVersion", {
      place: "model",
      expected: `a version of ${name} that is served: ${there.toSorted((a, b) => a - b).join(", ")}`,
      received: `${version}`,
    });
  }
  #unknownLabel(name: string, label: string) {
    const labels = [...this.#rulesOf(name).labels.keys(), "latest"];
    return serveErrors.fail("unknownLabel", {
      place: "model",
      expected: `a label of ${name}: ${labels.join(", ")}`,
      received: JSON.stringify(label.slice(0, 100)),
    });
  }

  /** The newest version that the source has of a name. Errors: serve/unknownModel. */
  async newestOf(name: string): Promise<number> {
    const newest = wantedVersions({ kind: "latest", count: 1 }, await this.#options.source.versions(name))[0];
    if (newest !== undefined) return newest;
    throw serveErrors.fail("unknownModel", {
      place: "model",
      expected: "a model that there is",
      received: JSON.stringify(name.slice(0, 100)),
    });
  }

  /** Errors: serve/unknownModel, serve/unknownVersion where the source has no such version. */
  async checkThere(name: string, version: number): Promise<void> {
    const there = await this.#options.source.versions(name);
    if (there.length === 0) await this.newestOf(name);
    if (there.includes(version)) return;
    throw serveErrors.fail("unknownVersion", {
      place: "model",
      expected: `a version of ${name} that there is: ${there.toSorted((a, b) => a - b).join(", ")}`,
      received: String(version),
    });
  }

  /** Every version there is, by name and number. */
  list(): readonly VersionInfo[] {
    return [...this.#entries.values()]
      .toSorted((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : a.version - b.version))
      .map(e => {
        const { labels, weights, shadows } = this.#rulesOf(e.name);
        return {
          name: e.name,
          version: e.version,
          id: e.id,
          state: e.state,
          engine: e.open?.engine.state ?? null,
          labels: [
            ...[...labels].filter(([, v]) => v === e.version).map(([label]) => label),
            ...(this.#newest(e.name) === e ? ["latest"] : []),
          ],
          weight: weights.size > 0 ? (weights.get(e.version) ?? 0) : null,
          shadow: shadows.get(e.version) ?? null,
          users: e.users,
          keepAliveMs: Number.isFinite(e.keepAliveMs) ? e.keepAliveMs : null,
          error: e.error === undefined ? null : e.error instanceof Error ? e.error.message : String(e.error),
        };
      });
  }

  /** Of every model some version serves, or sleeps and would wake. */
  get isReady(): boolean {
    const names = new Set([...this.#entries.values()].filter(e => e.state !== "unloaded").map(e => e.name));
    return this.#restoring === 0 && names.size > 0 && [...names].every(name => this.#versions(name).some(e => e.isThere));
  }

  isModelReady(model: string): boolean | undefined {
    const named = this.#named(model);
    if (!named) return undefined;
    return named.which === undefined ? this.#versions(named.name).some(e => e.isThere) : this.#choose(named, undefined).isThere;
  }

  #tellRules(name: string): void {
    this.#options.onRules?.(name, this.#rulesOf(name).data());
  }
  #tell(change: FleetChange): void {
    for (const watch of this.#watchers) watch(change);
  }

  /** No version wakes or loads from now on; resolves when those that unload are done. */
  async drain(): Promise<void> {
    this.#isClosed = true;
    for (const e of this.#entries.values()) e.stay();
    await Promise.all([...this.#entries.values()].map(e => e.settled()));
  }

  /** Ends all engines and gives all memory back. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all(
      [...this.#entries.values()].map(async e => {
        e.stay();
        e.abandon();
        // a version that is being unloaded waits for answers, which are cut off now
        await e.open?.engine.close();
        await e.settled();
        const { open } = e;
        e.open = undefined;
        e.state = "unloaded";
        if (open) {
          this.#delist(open.engine);
          await open.close();
        }
      }),
    );
  }
}

const closing = (name: string) => serveErrors.fail("draining", { place: name, message: "the server is shutting down" });
