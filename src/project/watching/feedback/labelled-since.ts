/** Labelled requests as what a retraining reads: ids, classes and who says so. */
import type { Store } from "../../../store/index.ts";
import { type AgreedTruth, agreedTruth, type FeedbackLabel } from "../../../watch/index.ts";
import { labelledRequests, requestIdOf } from "./feedback-record.ts";

export interface LabelledRequest {
  readonly requestId: string;
  /** Which text of the request. */
  readonly index: number;
  /** Null where the model was no version. */
  readonly version: number | null;
  /** When the response ended, in ms since 1970. */
  readonly atMs: number;
  /** What the model told; null of generated text. */
  readonly predicted: string | null;
  /** What the sources say together; labels that are not trusted never retrain a model alone. */
  readonly truth: AgreedTruth;
  readonly labels: readonly FeedbackLabel[];
}

/** Texts of a model's requests that were labelled after a time, in ms since 1970, by the time of the newest label; the oldest first. */
export async function labelledSince(store: Store, model: string, atMs: number): Promise<readonly LabelledRequest[]> {
  const rows = await labelledRequests(store, model);
  const found = [...rows].flatMap(([key, { facts, labels }]) =>
    [...new Set(labels.map(l => l.index))].flatMap((index): LabelledRequest[] => {
      const truth = agreedTruth(labels, index);
      if (!facts || !truth || truth.atMs <= atMs) return [];
      const { version, readings } = facts;
      const own = labels.filter(l => l.index === index);
      return [
        { requestId: requestIdOf(key), index, version, atMs: facts.atMs, predicted: readings[index]?.label ?? null, truth, labels: own },
      ];
    }),
  );
  return found.sort((a, b) => a.truth.atMs - b.truth.atMs || (a.requestId < b.requestId ? -1 : 1));
}
