/** Which version a request is answered by: what its name means, turns and users where a model's requests are split, and what they are copied to. */
import { modelUseOf } from "../authorization.ts";
import type { AnyEngine, Router } from "../engines.ts";
import { serveErrors } from "../errors.ts";
import type { ListedMetadata } from "../model-metadata.ts";
import type { FleetEntry } from "./fleet-entry.ts";
import type { Loading } from "./loading.ts";
import type { LoadedMembers } from "./members.ts";
import { cycleLength, type SplitWeights, versionOfUser } from "./split.ts";
import { Asleep, type Visit } from "./visit.ts";

export class Routing implements Pick<Router, "route" | "describe" | "use" | "isModelReady"> {
  readonly #members: LoadedMembers;
  readonly #loading: Pick<Loading, "load" | "sleep">;

  constructor(members: LoadedMembers, loading: Pick<Loading, "load" | "sleep">) {
    this.#members = members;
    this.#loading = loading;
  }

  route(model: string, visit: Visit | undefined): AnyEngine | undefined {
    const named = this.#members.named(model);
    if (!named) return undefined;
    visit?.check();
    const before = visit?.chosen.get(model);
    const held = before === undefined ? undefined : this.#members.find(named.name, before);
    const entry = held && (visit?.holds(held.key) || held.isThere) ? held : this.#choose(named, visit);
    visit?.chosen.set(model, entry.version);
    if (visit && held !== entry && named.which === undefined) this.#shadow(named.name, entry, visit);
    visit?.authorize(() => modelUseOf(model, this.#members.namesOf(entry)));
    return this.#enter(entry, visit);
  }

  #enter(entry: FleetEntry, visit: Visit | undefined): AnyEngine {
    if (entry.open && (entry.state === "ready" || visit?.holds(entry.key))) {
      visit?.hold(entry.key, () => entry.take(() => this.#loading.sleep(entry)));
      return entry.open.engine;
    }
    if (entry.isThere) {
      visit?.awaits(entry.key, () => entry.expect(() => this.#loading.sleep(entry)));
      throw new Asleep(entry.id, this.#loading.load(entry.name, entry.version));
    }
    throw this.#notReady(entry);
  }

  describe(model: string, visit: Visit | undefined): ListedMetadata | undefined {
    const named = this.#members.named(model);
    if (!named) return undefined;
    const entry = this.#choose(named, undefined, "told");
    visit?.authorize(() => modelUseOf(model, this.#members.namesOf(entry)));
    const told = entry.sleeping ?? entry.open?.engine;
    if (told) return told;
    throw this.#notReady(entry);
  }

  #notReady(entry: FleetEntry) {
    return serveErrors.fail("notReady", {
      place: entry.id,
      message: entry.state === "failed" ? "the model failed to load" : `the model is ${entry.state}`,
      hint: entry.state === "failed" ? "The server's log names the reason." : "Retry in a moment.",
    });
  }

  use(engine: AnyEngine, visit: Visit): void {
    visit.engine = engine;
    const entry = this.#members.all.find(e => e.open?.engine === engine);
    if (entry) visit.hold(entry.key, () => entry.take(() => this.#loading.sleep(entry)));
  }

  isModelReady(model: string): boolean | undefined {
    const named = this.#members.named(model);
    if (!named) return undefined;
    return named.which === undefined
      ? this.#members.versions(named.name).some(e => e.isThere)
      : this.#choose(named, undefined, "told").isThere;
  }

  /** Only who is `answered` has a turn where the requests are split; who is `told` hears of the newest that has a share. */
  #choose(
    { name, which }: { readonly name: string; readonly which: string | undefined },
    visit: Visit | undefined,
    kind: "answered" | "told" = "answered",
  ): FleetEntry {
    if (which !== undefined && /^\d+$/.test(which)) return this.#members.known(name, Number(which));
    const { labels, weights } = this.#members.rulesOf(name);
    if (which !== undefined && which !== "latest") {
      const version = labels.get(which);
      if (version === undefined) throw this.#members.unknownLabel(name, which);
      return this.#members.known(name, version);
    }
    if (which === undefined && weights.size > 0) {
      const there = new Map([...weights].filter(([v]) => this.#members.find(name, v)?.isThere));
      const split = kind === "told" ? this.#newestOf(name, there) : this.#ofSplit(name, there, visit?.user);
      if (split && visit) visit.arm = split.version;
      if (split) return split;
    }
    return (which === undefined ? this.#members.bare(name) : this.#members.newest(name))!;
  }

  #newestOf(name: string, there: SplitWeights): FleetEntry | undefined {
    return there.size === 0 ? undefined : this.#members.find(name, Math.max(...there.keys()));
  }

  #ofSplit(name: string, there: SplitWeights, user: string | undefined): FleetEntry | undefined {
    if (there.size === 0) return undefined;
    if (user !== undefined) return this.#members.find(name, versionOfUser(name, there, user));
    const rules = this.#members.rulesOf(name);
    // a version that broke down has turns, too: they are its neighbours'
    for (let i = 0; i < cycleLength(rules.weights); i++) {
      const version = rules.nextOfCycle();
      if (version !== undefined && there.has(version)) return this.#members.find(name, version);
    }
    return undefined;
  }

  #shadow(name: string, entry: FleetEntry, visit: Visit): void {
    for (const version of this.#members.rulesOf(name).nextShadows())
      if (version !== entry.version && this.#members.find(name, version)?.isThere) visit.shadows.add(`${name}@${version}`);
  }
}
