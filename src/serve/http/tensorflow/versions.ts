/**
 * TensorFlow Serving's names for Loam's: a model is a version's name without the number, a version its number, a label its alias
 * (`mail-small@champion`). A model from outside the record has its id as its name and the version 1.
 */
import { type AnyEngine, type Engines, engineNames } from "../../engines.ts";
import { serveErrors } from "../../errors.ts";
import { isDescribed, type ListedMetadata, type ModelMetadata } from "../../model-metadata.ts";

export const versionOf = ({ model }: ListedMetadata): number => model.version ?? 1;
const nameOf = ({ model }: ListedMetadata): string => model.name ?? model.id;

/** All versions of a name, loaded or asleep, in ascending order; empty where there is none. */
export const knownVersions = (engines: Engines, name: string): readonly ListedMetadata[] =>
  engines
    .everything()
    .filter(e => nameOf(e) === name || engineNames(e).includes(name))
    .sort((a, b) => versionOf(a) - versionOf(b));

interface Target {
  readonly model: string;
  readonly version?: number;
  readonly label?: string;
}

/** `NAME`, `NAME/versions/3`, `NAME/labels/champion` from an address. Errors: serve/parameter where the version is no number. */
export function targetOf(path: string): Target {
  const found = /^(.+)\/(versions|labels)\/([^/]+)$/.exec(path);
  if (!found) return { model: path };
  const [, model = "", kind, which = ""] = found;
  if (kind === "labels") return { model, label: which };
  if (!/^\d{1,15}$/.test(which))
    throw serveErrors.fail("parameter", { place: "version", expected: "a whole number", received: JSON.stringify(which.slice(0, 60)) });
  return { model, version: Number(which) };
}

const askedOf = ({ model, version, label }: Target): string => {
  const which = version ?? label;
  return which === undefined ? model : `${model}@${which}`;
};

/** The versions that a target means: all, the one of the number, or the one of the label. Errors: serve/unknownModel, those of `Engines.show`. */
export function targetVersions(engines: Engines, target: Target): readonly ListedMetadata[] {
  const { model, version, label } = target;
  const all = knownVersions(engines, model);
  const named =
    version !== undefined
      ? all.filter(e => versionOf(e) === version)
      : label !== undefined
        ? all.filter(e => engineNames(e).some(n => n.endsWith(`@${label}`)))
        : all;
  if (named.length > 0) return named.map(engine => engines.show(engine, askedOf(target)));
  const served = engines.models().flatMap(e => (engines.namesToTell(e).includes(e.model.id) ? [e.model.id] : []));
  throw serveErrors.fail("unknownModel", {
    place: "model",
    expected: served.length ? `one of ${served.join(", ")}` : "a model, but none is served",
    received: `"${model.slice(0, 100)}"${version === undefined ? "" : ` version ${version}`}${label === undefined ? "" : ` label "${label.slice(0, 60)}"`}`,
  });
}

/** The metadata of a target, of the newest version of it: nothing wakes. Errors as of `targetVersions` and `Engines.describe`. */
export function targetModel(engines: Engines, target: Target): ModelMetadata {
  const asked = askedOf(target);
  const told = engines.described(asked) ?? targetVersions(engines, target).at(-1)!;
  return isDescribed(told) ? told : engines.describe(told.model.id);
}

/** The engine that answers for a target: the newest version of it. */
export function targetEngine(engines: Engines, target: Target): AnyEngine {
  const asked = askedOf(target);
  return engines.routed(asked) ?? engines.use(targetVersions(engines, target).at(-1)!, asked);
}

const states: Readonly<Record<ListedMetadata["state"], string>> = {
  loading: "LOADING",
  ready: "AVAILABLE",
  // the next request wakes it
  asleep: "AVAILABLE",
  draining: "UNLOADING",
  failed: "END",
  closed: "END",
};

export const versionStates = (versions: readonly ListedMetadata[]) => ({
  model_version_status: versions.toReversed().map(e => ({
    version: String(versionOf(e)),
    state: states[e.state],
    status:
      e.state === "failed"
        ? { error_code: "INTERNAL", error_message: "the model failed to load or to run" }
        : { error_code: "OK", error_message: "" },
  })),
});

/** What tells that a classifier's probabilities are served calibrated. */
export const servedCalibration = (
  engine: ListedMetadata,
): { readonly calibration?: { readonly method: string; readonly temperature: number } } =>
  !("dimensions" in engine) || engine.model.temperature === undefined
    ? {}
    : { calibration: { method: "temperature scaling", temperature: engine.model.temperature } };

/** The groups that a classifier has thresholds of. */
export const servedThresholds = (
  engine: ListedMetadata,
): {
  readonly group_thresholds?: {
    readonly attribute: string;
    readonly label: string;
    readonly goal: string;
    readonly groups: readonly string[];
  };
} => {
  const own = "dimensions" in engine ? engine.model.config.classifier?.groupThresholds : undefined;
  if (!own) return {};
  const { attribute, label, goal, groups } = own;
  return { group_thresholds: { attribute, label, goal, groups: groups.map(g => g.group) } };
};
