/**
 * What points at versions: labels, weights and shadows, the policy of a model. They move only to versions that are loaded, and come back after a restart as they
 * were kept. (TensorFlow Serving: version policies; labels move only to loaded versions.)
 */
import { serveErrors } from "../errors.ts";
import type { FleetOptions } from "./fleet-options.ts";
import { labelPattern, pointedAt, type RulesData, splitWeights } from "./labels.ts";
import type { Loading } from "./loading.ts";
import type { LoadedMembers } from "./members.ts";
import { type VersionPolicy, wantedVersions } from "./policy.ts";
import type { SplitWeights } from "./split.ts";
import { checkThere } from "./version-source.ts";

/** A version that did not load so often in a row is left alone by policies; asking for it tries again. */
const mostFailures = 5;

export class Pointing {
  readonly #options: FleetOptions;
  readonly #members: LoadedMembers;
  readonly #loading: Pick<Loading, "load" | "unload">;
  #restoring = 0;

  constructor(options: FleetOptions, members: LoadedMembers, loading: Pick<Loading, "load" | "unload">) {
    this.#options = options;
    this.#members = members;
    this.#loading = loading;
  }

  get isRestoring(): boolean {
    return this.#restoring > 0;
  }

  async followAliases(name: string): Promise<readonly unknown[]> {
    const { labels, recorded, declined } = this.#members.rulesOf(name);
    if (!this.#options.source.aliases) return [];
    const aliases = await this.#options.source.aliases(name);
    // a new alias of a version that is there becomes its label, as it would when that version is loaded
    for (const [label, version] of Object.entries(aliases)) {
      if (!labelPattern.test(label) || labels.has(label) || declined.has(label) || !this.#members.find(name, version)?.isThere) continue;
      labels.set(label, version);
      recorded.add(label);
    }
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
        if (!this.#members.find(name, version)?.isThere) await this.#loading.load(name, version);
        if (recorded.has(label)) labels.set(label, version);
      } catch (error) {
        errors.push(error);
      }
    }
    return errors;
  }

  meanLabel(name: string, label: string): void {
    this.#members.rulesOf(name).bare = label;
  }

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
    const { labels, recorded, declined } = this.#members.rulesOf(name);
    if (version === undefined) {
      if (!labels.delete(label)) throw this.#members.unknownLabel(name, label);
      declined.add(label);
    } else {
      this.#checkLoaded(name, version);
      labels.set(label, version);
      declined.delete(label);
    }
    recorded.delete(label);
    this.#members.tellRules(name);
  }

  split(name: string, weights: SplitWeights, shadows: SplitWeights = new Map()): void {
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
        if (weight > 0) this.#checkLoaded(name, version);
      }
    const rules = this.#members.rulesOf(name);
    rules.setWeights(weights);
    rules.setShadows(shadows);
    this.#members.tellRules(name);
  }

  keepAlive(name: string, ms: number): void {
    this.#members.rulesOf(name).keepAliveMs = ms;
  }

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
    const isThere = (version: number) => this.#members.find(name, version)?.isThere ?? false;
    for (const version of pointedAt(data))
      if (!isThere(version))
        await checkThere(this.#options.source, name, version)
          .then(() => this.#loading.load(name, version))
          .catch(error => errors.push(error));
    for (const [label, version] of Object.entries(data.labels))
      if (this.#options.isGuarded?.(name, label)) this.#options.onGuarded?.(name, label);
      else if (isThere(version)) this.label(name, label, version);
    const there = (weights: SplitWeights): SplitWeights => new Map([...weights].filter(([version]) => isThere(version)));
    this.split(name, there(splitWeights(data.weights)), there(splitWeights(data.shadow)));
    return errors;
  }

  #checkLoaded(name: string, version: number): void {
    const { state, key } = this.#members.known(name, version);
    if (state !== "ready" && state !== "asleep")
      throw serveErrors.fail("notLoaded", {
        place: key,
        expected: "a version that is loaded",
        received: `one that is ${state}`,
        hint: "Load it first, and point at it when it serves.",
      });
  }

  async follow(name: string, policy?: VersionPolicy): Promise<readonly unknown[]> {
    const rules = this.#members.rulesOf(name);
    if (policy) {
      rules.policy = policy;
      this.#members.tellRules(name);
    }
    if (!rules.policy) return [];
    const wanted = wantedVersions(rules.policy, await this.#options.source.versions(name));
    const errors: unknown[] = [];
    for (const version of wanted) {
      const entry = this.#members.find(name, version);
      if (entry?.state === "ready" || entry?.state === "asleep") continue;
      if (!policy && entry && entry.failures >= mostFailures) continue;
      await this.#loading.load(name, version).catch(error => errors.push(error));
    }
    if (errors.length > 0 || wanted.length === 0) return errors;
    const extra = this.#members
      .versions(name)
      .filter(e => !wanted.includes(e.version) && e.state !== "unloading" && rules.pointers(e.version).length === 0);
    await Promise.all(extra.map(e => this.#loading.unload(name, e.version)));
    return errors;
  }
}
