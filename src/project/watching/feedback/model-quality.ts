/** Quality of the project's models on their traffic, beside what was last evaluated of each version. */
import { listModels, type Store } from "../../../store/index.ts";
import { qualityOf, utcDay, type VersionQuality } from "../../../watch/index.ts";
import { daySums, labelledRequests, modelsWithQuality } from "./feedback-record.ts";

export interface QualityOptions {
  /** Days that are looked at, until today (default: 30). */
  readonly days?: number;
}

export interface EvaluatedQuality extends VersionQuality {
  /** What was evaluated when the version was registered, on held-out data, by the names of its figures; null where the record has no such version. */
  readonly evaluation: Readonly<Record<string, unknown>> | null;
}

export interface ModelQuality {
  readonly model: string;
  /** `2026-11-30`, UTC. */
  readonly fromDay: string;
  /** The newest first. */
  readonly versions: readonly EvaluatedQuality[];
}

const dayMs = 86_400_000;

/** Of one model, or of all of which something is known. */
export async function modelQuality(store: Store, model: string | undefined, { days = 30 }: QualityOptions = {}): Promise<ModelQuality[]> {
  const fromMs = store.clock.now() - (days - 1) * dayMs;
  const fromDay = utcDay(fromMs);
  const registered = new Map((await listModels(store)).map(m => [m.model, m.versions]));
  const names = model === undefined ? await modelsWithQuality(store) : [model];
  return Promise.all(
    names.map(async (name): Promise<ModelQuality> => {
      const [rows, sums] = await Promise.all([labelledRequests(store, name), daySums(store, name, fromDay)]);
      const recent = new Map([...rows].filter(([, { facts }]) => facts && utcDay(facts.atMs) >= fromDay));
      const versions = qualityOf(recent, sums).map(v => ({
        ...v,
        evaluation: registered.get(name)?.find(r => r.number === v.version)?.scores ?? null,
      }));
      return { model: name, fromDay, versions };
    }),
  );
}
