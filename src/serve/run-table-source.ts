/** What the console's page Runs reads and writes. A port: the application gives functions over its project's artifact store. Answers are plain data. */
import type { z } from "zod";
import type { Answered } from "../base/index.ts";
import type { givenAnnotation, runAnnotation, runTable, runTableQuery } from "./http/console-answers/run-table.ts";

type Answer<T> = T | Promise<T>;

export interface RunTableSource {
  /** Errors: those of the application for a wrong filter. */
  table(
    query: Omit<z.output<typeof runTableQuery>, "ids" | "training"> & {
      readonly ids?: readonly string[] | undefined;
      readonly isTraining: boolean;
    },
  ): Answer<Answered<z.output<typeof runTable>>>;
  /** Kept when this has answered; undefined where there is no such run. */
  annotate(id: string, given: z.output<typeof givenAnnotation>): Answer<Answered<z.output<typeof runAnnotation>> | undefined>;
}
