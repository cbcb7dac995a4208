/** Which versions are served, by which names, and where the latest one is not. */
import type { ModelVersion, ServedModels, Serving } from "./generated/server.ts";

/** Ids of versions that answer requests now. */
export const servedIds = (serving: Serving | undefined): ReadonlySet<string> =>
  new Set((serving?.versions ?? []).filter(v => v.state === "ready").map(v => v.id));

export interface VersionBehind {
  readonly model: string;
  /** `mail-small@3`. */
  readonly latest: string;
  /** The newest one that is served. */
  readonly served: string;
}

/** Models whose newest registered version is newer than every version of them that is served. */
export function versionsBehind(versions: readonly ModelVersion[], serving: Serving | undefined): VersionBehind[] {
  const ids = servedIds(serving);
  const newest = new Map<string, ModelVersion>();
  for (const v of versions) {
    const known = newest.get(v.name);
    if (typeof v.version === "number" && (!known || v.version > Number(known.version))) newest.set(v.name, v);
  }
  return [...newest.values()].flatMap(latest => {
    const own = versions.filter(v => v.name === latest.name && ids.has(v.id)).sort((a, b) => Number(b.version) - Number(a.version));
    return own[0] && own[0].id !== latest.id ? [{ model: latest.name, latest: latest.id, served: own[0].id }] : [];
  });
}

type ServedModel = ServedModels["data"][number];

/** The served model of a name that the API's `model` field takes: a listed name, `NAME@VERSION` or `NAME@ALIAS`. */
export const findServed = (models: readonly ServedModel[], name: string): ServedModel | undefined =>
  models.find(m => m.id === name) ?? models.find(m => m.aliases?.includes(name));
