/** A version as its record has it, and two beside each other. */
import { type ModelCard, modelCard, type VersionDiff, versionDiff } from "../../registry/index.ts";
import { type Release, releasesOf } from "../../store/index.ts";
import { wrongArgument } from "../errors.ts";
import { ownerOfFirst, ownersIn } from "../owners.ts";
import type { Workplace } from "../workspace.ts";
import { namedVersion } from "./named-version.ts";

export interface ShownVersion {
  readonly card: ModelCard;
  /** Every move of the model's aliases. */
  readonly history: readonly Release[];
}

/** Errors: project/argument, store/notFound. */
export async function showVersion(at: Workplace, given: string): Promise<ShownVersion> {
  await using named = await namedVersion(at, given);
  const owner = ownerOfFirst(ownersIn(named.project), [`model/${named.model}`]);
  return { card: await modelCard(named.store, named.version, owner), history: await releasesOf(named.store.records.read, named.model) };
}

/** What changed from one version to another: files, recipe, lineage, figures with paired intervals. Errors: project/argument, store/notFound. */
export async function compareVersions(at: Workplace, before: string, after: string): Promise<VersionDiff> {
  await using first = await namedVersion(at, before);
  await using second = await namedVersion(at, after);
  if (first.store.records.place !== second.store.records.place)
    throw wrongArgument("loam models diff", "two versions of one record", "of two");
  return await versionDiff(first.store, first.version, second.version);
}
