/** Facts of a version by the newest measurement of texts that it was made to forget: what attacks find of them, and what it cost. */
import { artifactsFrom, type ModelVersion, type ReadingDb } from "../../store/index.ts";

export const erasureMeasurementKind = "erasure-measurement";

/**
 * As conditions and the measurement's summary name them. `erasedAuc`: area under the ROC curve of a membership attack, with its 95 % interval;
 * `erasedWithinNeverSeen`: 1 where it lies within the interval of texts that no model saw, else 0; `erasedFoundAtTenth`: share of erased texts found where 1
 * in 10 never-seen ones is taken for one; `erasedExtracted`: share of erased texts that are written
 * from their beginning; `erasedRetainedRise`: nats per token that retained texts lost.
 */
export const erasureFactNames = [
  "erasedAuc",
  "erasedAucLow",
  "erasedAucHigh",
  "erasedWithinNeverSeen",
  "erasedFoundAtTenth",
  "erasedExtracted",
  "erasedRetainedRise",
] as const;

export async function erasureFacts(db: ReadingDb, { digest }: Pick<ModelVersion, "digest">): Promise<Record<string, number>> {
  const [newest] = await artifactsFrom(db, digest, "model", [erasureMeasurementKind]);
  return Object.fromEntries(
    erasureFactNames.flatMap(name => {
      const value = newest?.summary[name];
      return typeof value === "number" ? [[name, value] as const] : [];
    }),
  );
}
