/** What can go wrong with an upstream, as data: what a retry, a breaker and an error for the client are decided by. */

const failureKinds = [
  "refused",
  "connectTimeout",
  "firstByteTimeout",
  "idleTimeout",
  "totalTimeout",
  "reset",
  "status",
  "busy",
  "credentials",
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
  /**
   * Whose circuit breaker counts it: the server's, for what happens before it has a request (name, connection, TLS); one model's, for what becomes of
   * a request; undefined: nobody's. `busy` asks for a rest instead, `credentials` is the gateway's own fault.
   */
  readonly against: "server" | "model" | undefined;
  /** For the client, without a name or address of the upstream. */
  readonly sentence: string;
}

export const failureRows: { readonly [K in FailureKind]: FailureRow } = {
  refused: { isRetryable: true, against: "server", sentence: "the model's server cannot be reached" },
  connectTimeout: { isRetryable: true, against: "server", sentence: "the model's server did not take the connection in time" },
  firstByteTimeout: { isRetryable: true, against: "model", sentence: "the model's server did not begin to answer in time" },
  idleTimeout: { isRetryable: true, against: "model", sentence: "the model's server fell silent in the middle of its answer" },
  totalTimeout: { isRetryable: false, against: undefined, sentence: "the answer took longer than a request may" },
  reset: { isRetryable: true, against: "model", sentence: "the model's server closed the connection" },
  status: { isRetryable: true, against: "model", sentence: "the model's server failed" },
  busy: { isRetryable: true, against: undefined, sentence: "the model's server takes no more requests at the moment" },
  credentials: { isRetryable: true, against: undefined, sentence: "the model's server refused the gateway's credentials" },
  cut: { isRetryable: true, against: "model", sentence: "the answer ended before it was whole" },
  malformed: { isRetryable: true, against: "model", sentence: "the model's server sent something that is no answer" },
  errorObject: { isRetryable: true, against: "model", sentence: "the model's server reported an error in the middle of its answer" },
  tooLarge: { isRetryable: false, against: undefined, sentence: "the answer is larger than the gateway passes on" },
  left: { isRetryable: false, against: undefined, sentence: "the client left" },
  draining: { isRetryable: false, against: undefined, sentence: "the gateway is shutting down, and the answer was not whole in time" },
  queueFull: { isRetryable: true, against: undefined, sentence: "too many requests wait for the model's server" },
  queueTime: { isRetryable: true, against: undefined, sentence: "the request waited for the model's server as long as it may" },
  outrun: { isRetryable: false, against: undefined, sentence: "another server answered first" },
  address: { isRetryable: true, against: undefined, sentence: "the model's server has an address that the gateway may not call" },
};

/** The setting of the gateway's file that a request was held by. */
interface ReachedLimit {
  readonly setting: string;
  readonly value: number;
}

/** Thrown by a call, caught where the next attempt is decided; `detail` is for the log. */
export class UpstreamFailure extends Error {
  readonly kind: FailureKind;
  readonly status: number | undefined;
  /** What the upstream asked to wait. */
  readonly retryAfterMs: number | undefined;
  /** Of the upstream's own error, where it said one. */
  readonly body: string | undefined;
  /** Of a request that waited for a place in vain. */
  readonly limit: ReachedLimit | undefined;

  constructor(
    kind: FailureKind,
    detail: string,
    more: {
      readonly status?: number;
      readonly retryAfterMs?: number | undefined;
      readonly body?: string;
      readonly limit?: ReachedLimit;
      readonly cause?: unknown;
    } = {},
  ) {
    super(detail, more.cause === undefined ? undefined : { cause: more.cause });
    this.name = "UpstreamFailure";
    this.kind = kind;
    this.status = more.status;
    this.retryAfterMs = more.retryAfterMs;
    this.body = more.body;
    this.limit = more.limit;
  }

  get isRetryable(): boolean {
    return failureRows[this.kind].isRetryable;
  }
  get isFault(): boolean {
    return failureRows[this.kind].against !== undefined;
  }
}
