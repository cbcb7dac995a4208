/** Who is in a fleet: every version that there is with what it is doing, the rules of each model, and which of them a name means. Changes nothing of a version. */
import type { EngineState } from "../engine.ts";
import { serveErrors } from "../errors.ts";
import { FleetEntry, type VersionState } from "./fleet-entry.ts";
import type { FleetOptions } from "./fleet-options.ts";
import { ModelRules } from "./labels.ts";

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
  /** Milliseconds since 1970 at which it falls asleep if no request comes; null where it sleeps, or never does. */
  readonly expiresAt: number | null;
  readonly error: string | null;
}

export class LoadedMembers {
  readonly #options: Pick<FleetOptions, "keepAliveMs" | "onRules">;
  readonly #entries = new Map<string, FleetEntry>();
  readonly #rules = new Map<string, ModelRules>();

  constructor(options: Pick<FleetOptions, "keepAliveMs" | "onRules">) {
    this.#options = options;
  }

  get all(): readonly FleetEntry[] {
    return [...this.#entries.values()];
  }
  find(name: string, version: number): FleetEntry | undefined {
    return this.#entries.get(`${name}@${version}`);
  }
  /** That of a name and number; a new one where there was none. */
  entry(name: string, version: number): FleetEntry {
    const known = this.find(name, version);
    if (known) return known;
    const made = new FleetEntry(name, version, this.rulesOf(name).keepAliveMs ?? this.#options.keepAliveMs ?? Number.POSITIVE_INFINITY);
    this.#entries.set(made.key, made);
    return made;
  }
  /** Takes one out, unless another has its place already. */
  remove(entry: FleetEntry): void {
    if (this.#entries.get(entry.key) === entry) this.#entries.delete(entry.key);
  }

  rulesOf(name: string): ModelRules {
    const known = this.#rules.get(name);
    if (known) return known;
    const made = new ModelRules();
    this.#rules.set(name, made);
    return made;
  }
  tellRules(name: string): void {
    this.#options.onRules?.(name, this.rulesOf(name).data());
  }

  versions(name: string): readonly FleetEntry[] {
    return this.all.filter(e => e.name === name && e.state !== "unloaded");
  }
  has(name: string): boolean {
    return this.versions(name).length > 0;
  }
  /**
   * The newest that serves or would after waking: a name means the same whoever sleeps. One that did not wake stands back behind those that serve; then
   * one that loads for the first time, else what there is.
   */
  newest(name: string): FleetEntry | undefined {
    const falling = this.versions(name).toSorted((a, b) => b.version - a.version);
    return (
      falling.find(e => e.isServing || (e.isThere && e.failures === 0)) ??
      falling.find(e => e.isThere) ??
      falling.find(e => e.state === "loading") ??
      falling[0]
    );
  }
  /** What the bare name means where requests are not split. */
  bare(name: string): FleetEntry | undefined {
    const { bare, labels } = this.rulesOf(name);
    const version = bare === undefined ? undefined : labels.get(bare);
    const entry = version === undefined ? undefined : this.find(name, version);
    return entry?.isThere ? entry : this.newest(name);
  }

  /** `name`, `name@3`, `name@label`; a name may have an @ of its own. */
  named(model: string): { readonly name: string; readonly which: string | undefined } | undefined {
    if (this.has(model)) return { name: model, which: undefined };
    const at = model.lastIndexOf("@");
    const name = model.slice(0, at);
    return at > 0 && this.has(name) ? { name, which: model.slice(at + 1) } : undefined;
  }
  /** Names that mean this version now; the bare name means one only while traffic is not split. */
  namesOf(entry: FleetEntry): readonly string[] {
    const rules = this.rulesOf(entry.name);
    const labels = [...rules.labels].filter(([, v]) => v === entry.version).map(([label]) => `${entry.name}@${label}`);
    const isBare = rules.weights.size > 0 ? rules.weights.has(entry.version) : this.bare(entry.name) === entry;
    return [entry.key, ...(this.newest(entry.name) === entry ? [`${entry.name}@latest`] : []), ...labels, ...(isBare ? [entry.name] : [])];
  }

  /** Errors: serve/unknownModel, serve/unknownVersion. */
  known(name: string, version: number): FleetEntry {
    const entry = this.find(name, version);
    if (entry && entry.state !== "unloaded") return entry;
    const there = this.versions(name).map(e => e.version);
    if (there.length === 0)
      throw serveErrors.fail("unknownModel", {
        place: "model",
        expected: `one of ${[...new Set(this.all.map(e => e.name))].join(", ") || "none"}`,
        received: JSON.stringify(name.slice(0, 100)),
      });
    throw serveErrors.fail("unknownVersion", {
      place: "model",
      expected: `a version of ${name} that is served: ${there.toSorted((a, b) => a - b).join(", ")}`,
      received: `${version}`,
    });
  }
  unknownLabel(name: string, label: string) {
    const labels = [...this.rulesOf(name).labels.keys(), "latest"];
    return serveErrors.fail("unknownLabel", {
      place: "model",
      expected: `a label of ${name}: ${labels.join(", ")}`,
      received: JSON.stringify(label.slice(0, 100)),
    });
  }

  /** Every version there is, by name and number. */
  list(): readonly VersionInfo[] {
    return this.all
      .toSorted((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : a.version - b.version))
      .map(e => {
        const { labels, weights, shadows } = this.rulesOf(e.name);
        return {
          name: e.name,
          version: e.version,
          id: e.id,
          state: e.state,
          engine: e.open?.engine.state ?? null,
          labels: [
            ...[...labels].filter(([, v]) => v === e.version).map(([label]) => label),
            ...(this.newest(e.name) === e ? ["latest"] : []),
          ],
          weight: weights.size > 0 ? (weights.get(e.version) ?? 0) : null,
          shadow: shadows.get(e.version) ?? null,
          users: e.users,
          keepAliveMs: Number.isFinite(e.keepAliveMs) ? e.keepAliveMs : null,
          expiresAt: e.isServing && Number.isFinite(e.expiresAt) ? e.expiresAt : null,
          error: e.error === undefined ? null : e.error instanceof Error ? e.error.message : String(e.error),
        };
      });
  }
}
