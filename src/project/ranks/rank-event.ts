/** What a rank's process tells the one that started it: lines of JSON on its standard output. */
import type { Problem, ProgressEvent } from "../../base/index.ts";

export type RankEvent =
  | { readonly event: "progress"; readonly progress: ProgressEvent }
  | { readonly event: "problem"; readonly problem: Problem }
  | { readonly event: "error"; readonly problem: Problem; readonly exitCode: number }
  /** At its end: processor time of the process, and how long it waited for other ranks. */
  | { readonly event: "used"; readonly processorSeconds: number; readonly waitedSeconds: number };

/** How each line of them begins. */
export const openingEvent = '{"event":';

export const rankLine = (told: RankEvent): string => `${JSON.stringify(told)}\n`;
