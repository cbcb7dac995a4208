/**
 * How versions come and go: a version is loaded while others serve, joins the engines when it is warm, is shut when nobody uses it any more, sleeps when it
 * was idle for long enough. Changes of one version never overtake each other.
 */
import { type AnyEngine, nameBy } from "../engines.ts";
import { serveErrors } from "../errors.ts";
import type { ListedMetadata } from "../model-metadata.ts";
import type { FleetEntry } from "./fleet-entry.ts";
import type { FleetChange, FleetOptions } from "./fleet-options.ts";
import { labelPattern } from "./labels.ts";
import type { LoadedMembers } from "./members.ts";
import type { VersionSource } from "./version-source.ts";

/** An answer is still under way when the time of rest is over: look again after so long. */
const busyMs = 100;

export class Loading {
  readonly #options: FleetOptions;
  readonly #members: LoadedMembers;
  readonly #watchers = new Set<(change: FleetChange) => void>();
  #isClosed = false;

  constructor(options: FleetOptions, members: LoadedMembers) {
    this.#options = options;
    this.#members = members;
    if (options.onChange) this.#watchers.add(options.onChange);
  }

  observe(watch: (change: FleetChange) => void): () => void {
    this.#watchers.add(watch);
    return () => this.#watchers.delete(watch);
  }

  async load(name: string, version: number, { keepAliveMs }: { readonly keepAliveMs?: number } = {}): Promise<void> {
    if (this.#isClosed) throw closing(name);
    const entry = this.#members.entry(name, version);
    if (keepAliveMs !== undefined) entry.keepAtLeast(keepAliveMs);
    if (entry.state === "unloaded" || entry.state === "failed") entry.state = "loading";
    await this.#change(entry, () => this.#open(entry));
  }

  offer(name: string, version: number): void {
    const entry = this.#members.entry(name, version);
    if (entry.state !== "unloaded") return;
    entry.state = "asleep";
    const sleeping = { model: { id: entry.key, name, version }, state: "asleep" } as const;
    this.#listAs(entry, sleeping);
    this.#options.engines.offer(sleeping);
  }

  async rest(name: string, version: number): Promise<void> {
    const entry = this.#members.known(name, version);
    await this.#change(entry, async () => {
      if (entry.state === "ready") await this.#shut(entry, "asleep");
    });
  }

  async unload(name: string, version: number, { force = false }: { readonly force?: boolean } = {}): Promise<void> {
    const entry = this.#members.known(name, version);
    const rules = this.#members.rulesOf(name);
    this.#mayUnload(entry, force);
    if (force && rules.pointers(version).length > 0) {
      rules.forget(version);
      this.#members.tellRules(name);
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
      if (entry.isSettled && entry.state === "unloaded") this.#members.remove(entry);
    });
  }

  #mayUnload({ name, version, key }: FleetEntry, force: boolean): void {
    const pointers = this.#members.rulesOf(name).pointers(version);
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
    entry.sleeping = undefined;
    entry.error = undefined;
    entry.failures = 0;
    entry.isDozing = false;
    entry.state = "ready";
    this.#enlist(entry, open.engine);
    const { labels, recorded } = this.#members.rulesOf(entry.name);
    for (const label of open.labels ?? [])
      if (labelPattern.test(label) && (!labels.has(label) || recorded.has(label) || this.#options.isGuarded?.(entry.name, label))) {
        labels.set(label, entry.version);
        recorded.add(label);
      }
    this.#tell({ kind: "loaded", name: entry.name, version: entry.version, ms: performance.now() - startMs });
    const rest = () => entry.doze(() => this.sleep(entry));
    // a stream goes on when its request is released: the time without work begins with the end of the last answer
    if ("room" in open.engine) open.engine.observe({ finished: rest });
    rest();
  }

  #enlist(entry: FleetEntry, engine: AnyEngine): void {
    nameBy(engine, () => this.#members.namesOf(entry));
    if ("embed" in engine) this.#options.engines.addEncoder(engine);
    else this.#options.engines.add(engine);
  }
  #listAs(entry: FleetEntry, sleeping: ListedMetadata): void {
    nameBy(sleeping, () => this.#members.namesOf(entry));
    entry.sleeping = sleeping;
  }
  #delist(entry: FleetEntry): void {
    for (const model of [entry.open?.engine, entry.sleeping]) if (model) this.#options.engines.remove(model);
    entry.sleeping = undefined;
  }

  async #shut(entry: FleetEntry, into: "unloaded" | "asleep"): Promise<void> {
    const { open } = entry;
    if (into === "unloaded") this.#options.engines.adapters.forget(entry.id);
    if (!open) {
      if (into === "unloaded") {
        this.#delist(entry);
        entry.state = into;
      }
      return;
    }
    const startMs = performance.now();
    entry.state = "unloading";
    entry.isDozing = into === "asleep";
    entry.stay();
    await entry.free();
    if (into === "asleep") this.#listAs(entry, this.#options.engines.rest(open.engine));
    else this.#delist(entry);
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

  /** Gives its memory back, unless it is used or has work. */
  sleep(entry: FleetEntry): void {
    if (entry.state !== "ready" || entry.isWanted || this.#isClosed) return;
    this.#change(entry, async () => {
      if (entry.state !== "ready" || entry.isWanted) return;
      const { running, queued } = entry.open!.engine.stats();
      if (running + queued > 0) entry.doze(() => this.sleep(entry), busyMs);
      else await this.#shut(entry, "asleep");
    }).catch(() => {});
  }

  #tell(change: FleetChange): void {
    for (const watch of this.#watchers) watch(change);
  }

  async drain(): Promise<void> {
    this.#isClosed = true;
    for (const e of this.#members.all) e.stay();
    await Promise.all(this.#members.all.filter(isNotLoading).map(e => e.settled()));
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all(
      this.#members.all.map(async e => {
        e.stay();
        e.abandon();
        // a version that is being unloaded waits for answers, which are cut off now
        await e.open?.engine.close();
        if (isNotLoading(e)) await e.settled();
        const { open } = e;
        this.#delist(e);
        e.open = undefined;
        e.state = "unloaded";
        await open?.close();
      }),
    );
  }
}

/** What loads serves nobody: it is not waited for, and shuts itself when it is there. */
const isNotLoading = ({ state }: FleetEntry): boolean => state !== "loading";

const closing = (name: string) => serveErrors.fail("draining", { place: name, message: "the server is shutting down" });
