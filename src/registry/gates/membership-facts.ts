/** Facts of a version by its newest membership measurement: how well an attacker tells its training texts from held-out ones. */
import { artifactsFrom, type ModelVersion, type ReadingDb } from "../../store/index.ts";

export const membershipMeasurementKind = "membership-measurement";

/**
 * As conditions and the measurement's summary name them. `membershipAuc`: area under the ROC curve of a membership attack, with its 95 % interval;
 * `membershipFoundAtTenth`: share of training texts found where 1 in 10 held-out ones is taken for one.
 */
export const membershipFactNames = ["membershipAuc", "membershipAucLow", "membershipAucHigh", "membershipFoundAtTenth"] as const;

export async function membershipFacts(db: ReadingDb, { digest }: Pick<ModelVersion, "digest">): Promise<Record<string, number>> {
  const [newest] = await artifactsFrom(db, digest, "model", [membershipMeasurementKind]);
  return Object.fromEntries(
    membershipFactNames.flatMap(name => {
      const value = newest?.summary[name];
      return typeof value === "number" ? [[name, value] as const] : [];
    }),
  );
}
