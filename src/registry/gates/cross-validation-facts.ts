/** Facts of a version by the newest cross-validation of its recipe: the mean of each measure, and the ends of its interval over folds. */
import { artifactsFrom, type ModelVersion, type ReadingDb } from "../../store/index.ts";

export const crossValidationKind = "cross-validation";

const measures = ["macroF1", "accuracy", "balancedAccuracy", "mae", "rmse", "r2"];
const ends = ["", "Low", "High"];
/** As a condition names it: `cvMacroF1Low`. */
const factOf = (key: string): string => `cv${key.charAt(0).toUpperCase()}${key.slice(1)}`;
const keys = measures.flatMap(m => ends.map(end => `${m}${end}`));
export const crossValidationFactNames: readonly string[] = keys.map(factOf);

export async function crossValidationFacts(db: ReadingDb, { digest }: Pick<ModelVersion, "digest">): Promise<Record<string, number>> {
  const [newest] = await artifactsFrom(db, digest, "model", [crossValidationKind]);
  if (!newest) return {};
  // over seeds on one split an interval says nothing of other documents: a gate must not rest on it
  const told = keys.filter(key => newest.summary.over === "folds" || measures.includes(key));
  return Object.fromEntries(
    told.flatMap(key => {
      const value = newest.summary[key];
      return typeof value === "number" ? [[factOf(key), value] as const] : [];
    }),
  );
}
