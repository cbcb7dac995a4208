/**
 * What the console's pages Releases, Evaluations and Runs show of the record. A port: the command line gives functions over its project's store. Answers
 * are plain data as the registry has them; the console's contract says what its pages read of them.
 */
type Answer<T> = T | Promise<T>;

export interface ReleaseSource {
  /** Every model: versions, aliases with what rollbacks would go to, history. */
  releases(): Answer<readonly object[]>;
  /** A version: what the guarded aliases ask of it and what is met, approvals, signatures; undefined where there is none. */
  verdicts(version: string): Answer<object | undefined>;
  /** What was measured of a version, beside another where one is named; undefined where there is none. */
  report(version: string, against: string | undefined): Answer<object | undefined>;
  /** A run's options and every figure that it logged, by name; undefined where there is none. */
  logged(artifact: string): Answer<object | undefined>;
}
