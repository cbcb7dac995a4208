/** What a server starts with: the versions that were named, what loam.yaml says of their models, and what was set while it last ran. */
import { isLoamError } from "../../base/index.ts";
import { Fleet, type FleetOptions, keepAliveMs, type VersionPolicy } from "../../serve/index.ts";
import type { KeptRules } from "./kept-rules.ts";
import type { NamedVersion } from "./model-versions.ts";
import type { ServedAs } from "./served-as.ts";

interface StartOptions extends FleetOptions {
  /** What the project file says of models, by name. */
  readonly written: ReadonlyMap<string, ServedAs>;
  readonly kept: KeptRules;
  /** The command line's policy, for all that was named; it is not kept. */
  readonly policy: VersionPolicy | undefined;
  readonly warn: (text: string) => void;
}

export interface StartedModels {
  readonly fleet: Fleet;
  /** Loads what there is to load, the named versions first; again for models that come later. Errors: those of a named version that is the only one of its model. */
  load(named: readonly NamedVersion[]): Promise<void>;
  /** Takes over versions that came or went, where a policy says which are served. */
  follow(): Promise<void>;
}

const sentence = (error: unknown): string => (error instanceof Error ? error.message : String(error));

export function startModels({ written, kept, policy, warn, ...options }: StartOptions): StartedModels {
  let hasStarted = false;
  const fleet = new Fleet({
    ...options,
    onGuarded: (name, label) => warn(`loam: ${name}: the label ${label} is guarded by a release; what the record says of it holds.`),
    onRules: (name, { policy: followed, ...rules }) => {
      // what happens before is what was kept; the command line's policy holds for this run
      if (hasStarted) kept.keep(name, written.get(name), policy || !followed ? rules : { ...rules, policy: followed });
    },
  });
  for (const [name, { keepAlive }] of written)
    if (keepAlive !== undefined) fleet.keepAlive(name, keepAliveMs(keepAlive, `loam.yaml: serve.models.${name}.keepAlive`));

  async function loadModel(name: string, versions: readonly number[]): Promise<void> {
    const { policy: wanted, ...rules } = kept.of(name, written.get(name)) ?? written.get(name) ?? { labels: {}, weights: {}, shadow: {} };
    const followed = policy ?? wanted;
    const errors = followed ? [...(await fleet.follow(name, followed))] : [];
    if (!followed) await Promise.all(versions.map(version => fleet.load(name, version)));
    errors.push(...(await fleet.restore(name, rules)));
    if (errors.length > 0 && !fleet.list().some(v => v.name === name && v.state === "ready")) throw errors[0];
    // whoever watches the fleet hears of loads that failed; what is gone was never tried
    for (const error of errors.filter(e => isLoamError(e, "serve/unknownVersion")))
      warn(`loam: ${sentence(error)} Nothing points at it any more.`);
  }
  return {
    fleet,
    async load(named) {
      hasStarted = false;
      const names = [...new Set(named.map(n => n.name))];
      for (const name of names) {
        const [first, ...others] = named.filter(n => n.name === name);
        // whoever serves what has an alias, and nothing else of that model, means it by the bare name
        if (first!.alias !== undefined && others.length === 0 && !written.has(name) && policy === undefined)
          fleet.meanLabel(name, first!.alias);
      }
      // all are known to readiness from the beginning; the source reads them one after another
      await Promise.all(
        names.map(name =>
          loadModel(
            name,
            named.filter(n => n.name === name).map(n => n.version),
          ),
        ),
      );
      hasStarted = true;
    },
    async follow() {
      for (const name of new Set(fleet.list().map(v => v.name))) {
        // whoever watches the fleet hears of loads that failed
        await fleet.followAliases(name).catch(error => warn(`loam: ${name}: ${sentence(error)}`));
        await fleet.follow(name).catch(error => warn(`loam: ${name}: ${sentence(error)}`));
      }
    },
  };
}
