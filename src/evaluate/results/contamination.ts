/**
 * Figures of items that the training data holds beside figures of items that it does not: a score that lives on what was learnt by heart shows. Which
 * items those are is said by marks of the data's decontamination; an item without one, or too short to be looked for, counts for neither side.
 */
import { bootstrap, type Interval } from "../../statistics/index.ts";
import type { TaskItem } from "../tasks/read-task.ts";
import type { ItemResult } from "./item.ts";
import type { EvaluationMeasure } from "./measures.ts";
import { clustersOf, draws, type Score, scoreOf } from "./score.ts";

export type Cleanness = "clean" | "contaminated" | "unknown";

/** What a mark of the data means for an item: `removed` documents were not trained on. */
const ofMark: Readonly<Record<string, Cleanness>> = {
  clean: "clean",
  removed: "clean",
  contaminated: "contaminated",
  "too-short": "unknown",
};

/** How a set of the decontamination calls an item: by a field, else by its number in the file. */
export const markKey = ({ fields, number }: TaskItem, set: { readonly name: string; readonly id?: string | undefined }): string =>
  `${set.name}#${set.id === undefined ? number : String(fields[set.id])}`;

/** Of marks of several data sets: contaminated by one is contaminated, clean in all is clean. */
export function cleannessOf(marks: readonly (string | undefined)[]): Cleanness {
  const all = marks.map(m => (m === undefined ? "unknown" : (ofMark[m] ?? "unknown")));
  if (all.includes("contaminated")) return "contaminated";
  return all.length > 0 && all.every(c => c === "clean") ? "clean" : "unknown";
}

interface SplitScore {
  readonly metric: string;
  /** Absent where there are no such items. */
  readonly clean?: Score;
  readonly contaminated?: Score;
  /** Contaminated minus clean, both sides drawn anew; absent where a side has fewer than two items. */
  readonly difference?: Interval;
}

export interface ContaminationSplit {
  readonly clean: number;
  readonly contaminated: number;
  readonly unknown: number;
  readonly scores: readonly SplitScore[];
}

/** Both sides' figures with 95 % intervals; `cleanness` in the order of the items. */
export function contaminationSplit(
  items: readonly ItemResult[],
  cleanness: readonly Cleanness[],
  measures: readonly EvaluationMeasure[],
): ContaminationSplit {
  const of = (side: Cleanness) => items.filter((_, i) => cleanness[i] === side);
  const [clean, contaminated] = [of("clean"), of("contaminated")];
  const both = [...clean, ...contaminated];
  const clusters = clustersOf(both);
  return {
    clean: clean.length,
    contaminated: contaminated.length,
    unknown: items.length - both.length,
    scores: measures.map(measure => {
      const figure = measure.prepare(both);
      const side = (at: ArrayLike<number>, isClean: boolean) => {
        const own = new Int32Array(at.length);
        let n = 0;
        for (let k = 0; k < at.length; k++) if (at[k]! < clean.length === isClean) own[n++] = at[k]!;
        return n === 0 ? Number.NaN : figure(own.subarray(0, n));
      };
      return {
        metric: measure.name,
        ...(clean.length ? { clean: scoreOf(measure, clean) } : {}),
        ...(contaminated.length ? { contaminated: scoreOf(measure, contaminated) } : {}),
        ...(clean.length > 1 && contaminated.length > 1
          ? { difference: intervalOf(bootstrap(both.length, at => side(at, false) - side(at, true), { draws, clusters, seed: 1 })) }
          : {}),
      };
    }),
  };
}

const intervalOf = ({ value, low, high }: Interval): Interval => ({ value, low, high });
