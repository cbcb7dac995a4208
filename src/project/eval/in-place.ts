/**
 * Releases, cards and pages read the newest result of a task or group. What is found in the record again after something else was told of it (other measures, an
 * earlier file, a part of the items by `--limit`) is recorded anew in place of that, so the newest is always what was told last.
 */
import { hashOf, type Json } from "../../base/index.ts";
import { type ArtifactInfo, type ArtifactReader, artifactsFrom, type Store } from "../../store/index.ts";

/** What an artifact's recipe has more than what was asked: the one in whose place it was told again. */
const sinceKey = "since";

interface InPlace {
  /** Goes into the options of the recipe. */
  readonly since?: string;
  /** What was found, where something else was told since. */
  readonly found?: ArtifactInfo;
}

const plain = (options: Json): string => {
  const { [sinceKey]: _, ...rest } = options as Readonly<Record<string, Json>>;
  return hashOf(rest);
};

/** `isTold`: of the same task or group; `options` are what is asked of it now, `isSame` says whether the rest of a recipe is as now. */
export async function inPlace(
  store: Store,
  model: ArtifactReader,
  kind: string,
  options: Json,
  isTold: (other: ArtifactInfo) => boolean,
  isSame: (other: ArtifactInfo) => boolean,
): Promise<InPlace> {
  const told = (await artifactsFrom(store.records.read, model.digest, "model", [kind])).filter(isTold);
  const found = told.find(t => plain(t.options) === plain(options) && isSame(t));
  if (!found) return {};
  if (found !== told[0]) return { since: told[0]!.id, found };
  const { [sinceKey]: since } = found.options as { readonly since?: string };
  return since === undefined ? {} : { since };
}
