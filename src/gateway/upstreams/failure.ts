/** What can go wrong with an upstream, as data: what a retry, a breaker and an error for the client are decided by. */

export const failureKinds = [
  "refused",
  "connectTimeout",
  "firstByteTimeout",
  "idleTimeout",
  "totalTimeout",
  "reset",
  "status",
  "busy",
  "cut",
  "malformed",
  "errorObject",
  "tooLarge",
  "address",
  "left",
  "draining",
  "queueFull",
  "queueTime",
  "outrun",
] as const;
export type FailureKind = (typeof failureKinds)[number];

interface FailureRow {
  /** Another target, or the same one later, may do better. */
  readonly isRetryable: boolean;
  /** Speaks against the upstream's health; `busy` does not, it asks for a rest. */
  readonly isFault: boolean;
  /** For the client, without a name or address of the upstream. */
  readonly sentence: string;
}

export const failureRows: { readonly [K in FailureKind]: FailureRow } = {
  refused: { isRetryable: true, isFault: true, sentence: "the model's server cannot be reached" },
  connectTimeout: { isRetryable: true, isFault: true, sentence: "the model's server did not take the connection in time" },
  firstByteTimeout: { isRetryable: true, isFault: true, sentence: "the model's server did not begin to answer in time" },
  idleTimeout: { isRetryable: true, isFault: true, sentence: "the model's server fell silent in the middle of its answer" },
  totalTimeout: { isRetryable: false, isFault: false, sentence: "the answer took longer than a request may" },
  reset: { isRetryable: true, isFault: true, sentence: "the model's server closed the connection" },
  status: { isRetryable: true, isFault: true, sentence: "the model's server failed" },
  busy: { isRetryable: true, isFault: false, sentence: "the model's server takes no more requests at the moment" },
  cut: { isRetryable: true, isFault: true, sentence: "the answer ended before it was whole" },
  malformed: { isRetryable: true, isFault: true, sentence: "the model's server sent something that is no answer" },
  errorObject: { isRetryable: true, isFault: true, sentence: "the model's server reported an error in the middle of its answer" },
  tooLarge: { isRetryable: false, isFault: false, sentence: "the answer is larger than the gateway passes on" },
  left: { isRetryable: false, isFault: false, sentence: "the client left" },
  draining: { isRetryable: false, isFault: false, sentence: "the gateway is shutting down, and the answer was not whole in time" },
  queueFull: { isRetryable: true, isFault: false, sentence: "too many requests wait for the model's server" },
  queueTime: { isRetryable: true, isFault: false, sentence: "the request waited for the model's server as long as it may" },
  outrun: { isRetryable: false, isFault: false, sentence: "another server answered first" },
  address: { isRetryable: true, isFault: false, sentence: "the model's server has an address that the gateway may not call" },
};

/** Thrown by a call, caught where the next attempt is decided; `detail` is for the log. */
export class UpstreamFailure extends Error {
  readonly kind: FailureKind;
  readonly status: number | undefined;
  /** What the upstream asked to wait. */
  readonly retryAfterMs: number | undefined;
  /** Of the upstream's own error, where it said one. */
  readonly body: string | undefined;

  constructor(
    kind: FailureKind,
    detail: string,
    more: { readonly status?: number; readonly retryAfterMs?: number | undefined; readonly body?: string; readonly cause?: unknown } = {},
  ) {
    super(detail, more.cause === undefined ? undefined : { cause: more.cause });
    this.name = "UpstreamFailure";
    this.kind = kind;
    this.status = more.status;
    this.retryAfterMs = more.retryAfterMs;
    this.body = more.body;
  }

  get isRetryable(): boolean {
    return failureRows[this.kind].isRetryable;
  }
  get isFault(): boolean {
    return failureRows[this.kind].isFault;
  }
}
