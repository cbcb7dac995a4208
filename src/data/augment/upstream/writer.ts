/** The port through which methods ask a model to write: one question, one answer. Who answers, and from where, they do not know. */

export interface AskWriter {
  readonly system?: string;
  readonly user: string;
  readonly maxTokens: number;
  readonly temperature: number;
  readonly seed: number;
}

export interface WriterAnswer {
  readonly text: string;
  /** The answer ended because `maxTokens` was reached. */
  readonly isCut: boolean;
  /** Prompt and answer, as the server counted; 0 where it does not. */
  readonly tokens: number;
  readonly isCached: boolean;
  /** Why the server would not answer this one request (too long for its model); there is no text then. */
  readonly refusal?: string;
}

export interface Writer {
  /** What makes its answers: part of every request's digest. */
  readonly identity: string;
  /** Errors: `data/upstream` where no answer is to be had. */
  write(ask: AskWriter): Promise<WriterAnswer>;
}
