/** What the console's page Watch reads. A port: the application gives functions over its project's record. Answers are plain data. */
import type { z } from "zod";
import type { Answered } from "../base/index.ts";
import type { watchDrift, watchHistory, watchQuality, watchStatus, watchSteps } from "./http/console-answers/watch.ts";

type Answer<T> = T | Promise<T>;

export interface WatchSource {
  /** Served versions with the figures of the last hour, objectives, alarms. */
  status(): Answer<Answered<z.output<typeof watchStatus>>>;
  /** A figure of a version over time. Errors: project/argument for a figure that there is none of. */
  history(metric: string, model: string, step: (typeof watchSteps)[number]): Answer<Answered<z.output<typeof watchHistory>>>;
  /** Live traffic beside what each version was trained on. */
  drift(): Answer<readonly Answered<z.output<typeof watchDrift>>[]>;
  quality(): Answer<readonly Answered<z.output<typeof watchQuality>>[]>;
  /** Differs as soon as one of them may differ; read every second while a page is open. */
  revision(): Answer<string>;
}
