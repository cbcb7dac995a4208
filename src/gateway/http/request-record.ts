/** The line that each request leaves in the log, the journal, the metrics and its trace. */

/** A call to one target. */
export interface Attempt {
  readonly target: string;
  readonly ms: number;
  /** `answered`, or what went wrong, in the words of `failureKinds`. */
  readonly how: string;
}

/** The log's line. No prompt, no answer, no secret. */
export interface RequestRecord {
  readonly id: string;
  readonly time: string;
  readonly method: string;
  /** The route's pattern, never the path itself. */
  readonly path: string;
  readonly ip: string | null;
  readonly key: string | null;
  readonly subject: string | null;
  /** Public name of the model, null where none is known. */
  readonly model: string | null;
  readonly target: string | null;
  /** Of them, those before the last failed. */
  readonly attempts: readonly Attempt[];
  readonly status: number;
  /** Of the gateway's table, or `upstream/STATUS`. */
  readonly error: string | null;
  /** For the log alone: what an error for the client does not say. */
  readonly detail: string | null;
  readonly ms: number;
  /** Until the first byte of the answer. */
  readonly firstMs: number | null;
  readonly isStream: boolean;
  /** Times that the answer was gone on with by another upstream. */
  readonly resumed: number;
  /** The rule that said which targets it may go to. */
  readonly rule: string | null;
  /** Of the time, that in lines before servers that take only so many at once. */
  readonly queuedMs: number;
  /** Two servers were asked, since the first was slow. */
  readonly isHedged: boolean;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly cachedTokens: number;
  /** As the upstream calls what answered: its model, or Loam's own version `mail-small@3`. */
  readonly served: string | null;
  /** Of the trace, where it is sampled. */
  readonly trace: string | null;
  /** What the cache of answers did; null where there is none. */
  readonly cache: string | null;
  /** What guards did: name, stage, decision. */
  readonly guards: readonly string[];
  /** Limits that were near, or would have denied. */
  readonly warnings: readonly string[];
}
