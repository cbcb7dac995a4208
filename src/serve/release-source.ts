/**
 * What the console's pages Releases, Evaluations and Runs show of the artifact store. A port: the application gives functions over its project's store.
 * The types follow from the schemas of `http/console-answers/`.
 */
import type { z } from "zod";
import type { Answered } from "../base/index.ts";
import type { comparedEvaluations, listedEvaluation } from "./http/console-answers/evaluation-list.ts";
import type { logged, modelReleases, verdicts } from "./http/console-answers/releases.ts";
import type { versionReport } from "./http/console-answers/version-report.ts";

type Answer<T> = T | Promise<T>;

/** Which items of a comparison are wanted. */
interface DiffWished {
  readonly change?: "changed" | "fixed" | "broken" | "better" | "worse" | "same" | undefined;
  readonly by?: string | undefined;
  readonly group?: string | undefined;
  readonly find?: string | undefined;
  readonly offset: number;
  readonly limit: number;
}

export interface ReleaseSource {
  /** Every model: versions, aliases with what rollbacks would go to, history. */
  releases(): Answer<readonly Answered<z.output<typeof modelReleases>>[]>;
  /** A version: what the guarded aliases ask of it and what is met, approvals, signatures; undefined where there is none. */
  verdicts(version: string): Answer<Answered<z.output<typeof verdicts>> | undefined>;
  /** What was measured of a version, beside another where one is named; undefined where there is none. */
  report(version: string, against: string | undefined): Answer<Answered<z.output<typeof versionReport>> | undefined>;
  /** Every evaluation of the project, the newest first. */
  evaluations(): Answer<readonly Answered<z.output<typeof listedEvaluation>>[]>;
  /** Two evaluations of one task, item by item; undefined where either is none. Errors: evaluate/compare. */
  diff(first: string, second: string, wished: DiffWished): Answer<Answered<z.output<typeof comparedEvaluations>> | undefined>;
  /** A run's options and every figure that it logged, by name; undefined where there is none. */
  logged(artifact: string): Answer<Answered<z.output<typeof logged>> | undefined>;
}
