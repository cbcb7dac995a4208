/** What the console's page Watch reads. A port: the application gives functions over its project's record. Answers are plain data. */
import type { z } from "zod";
import type { Answered } from "../base/index.ts";
import type {
  watchedDriftAnswer,
  watchedHistoryAnswer,
  watchedLoopAnswer,
  watchedQualityAnswer,
  watchedSamplesAnswer,
  watchedStatusAnswer,
  watchSteps,
} from "./http/console-answers/watch.ts";

type Answer<T> = T | Promise<T>;

export interface WatchSource {
  /** Served versions with the figures of the last hour, objectives, alarms. */
  status(): Answer<Answered<z.output<typeof watchedStatusAnswer>>>;
  /** A figure of a version over time. Errors: project/argument for a figure that there is none of. */
  history(metric: string, model: string, step: (typeof watchSteps)[number]): Answer<Answered<z.output<typeof watchedHistoryAnswer>>>;
  /** Live traffic beside what each version was trained on. */
  drift(): Answer<readonly Answered<z.output<typeof watchedDriftAnswer>>[]>;
  quality(): Answer<readonly Answered<z.output<typeof watchedQualityAnswer>>[]>;
  /** Redacted examples of requests of an alarm. Errors: project/argument for an unknown one. */
  samples(alarm: string): Answer<Answered<z.output<typeof watchedSamplesAnswer>>>;
  /** Retraining loops of loam.yaml. */
  loops(): Answer<readonly Answered<z.output<typeof watchedLoopAnswer>>[]>;
  /** Differs as soon as one of them may differ; read every second while a page is open. */
  revision(): Answer<string>;
}
