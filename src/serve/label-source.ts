/** What the console's page Labels reads and writes. A port: the command line gives functions over its project's files. Answers are plain data. */
type Answer<T> = T | Promise<T>;

export interface LabelGiven {
  readonly id: string;
  /** Null takes it back. */
  readonly label: string | null;
  readonly by: string;
}

export interface LabelSource {
  /** Every entry of `labels:`, with its classes and how much is labelled. */
  sets(): Answer<readonly object[]>;
  /** Texts that a person has not labelled yet, and how far people agree; undefined where there is no such set. */
  batch(name: string, by: string): Answer<object | undefined>;
  /** Keeps a label; it is on the disk when this has answered. Errors: serve/parameter's place is left to the route. */
  give(name: string, given: LabelGiven): Answer<object | undefined>;
}
