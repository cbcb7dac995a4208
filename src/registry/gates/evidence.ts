/** What was measured of versions: the artifacts that their gates, cards and reports read, and no others. */
import { z } from "zod";
import { artifactsFrom, listArtifacts, type ModelVersion, type Store } from "../../store/index.ts";
import { seenKind } from "../versions/beside.ts";
import { crossValidationKind } from "./cross-validation-facts.ts";
import { erasureMeasurementKind } from "./erasure-facts.ts";
import { measuredKinds } from "./measured.ts";
import { membershipMeasurementKind } from "./membership-facts.ts";

const ofModel = [...measuredKinds, seenKind, crossValidationKind, erasureMeasurementKind, membershipMeasurementKind];
const judgementKind = "judgement";
/** The kinds of all of them. */
export const evidenceKinds: readonly string[] = [...ofModel, judgementKind];

const judging = z.looseObject({ first: z.string(), second: z.string() });

/** Ids: results of tasks and groups with their variants, items that the training data holds, what judges said of the answers. */
export async function evidenceOf(store: Store, versions: readonly Pick<ModelVersion, "digest">[]): Promise<string[]> {
  const found = new Set<string>();
  for (const digest of new Set(versions.map(v => v.digest)))
    for (const { id } of await artifactsFrom(store.records.read, digest, "model", ofModel)) found.add(id);
  const judged = (await listArtifacts(store, { kind: judgementKind })).flatMap(({ id, options }) => {
    const { first, second } = judging.safeParse(options).data ?? {};
    return [first, second].some(result => result !== undefined && found.has(result)) ? [id] : [];
  });
  return [...found, ...judged];
}
