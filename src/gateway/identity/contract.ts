/** Who sends a request, as types alone: what it shows of itself and who that is. `authenticator` (`authenticate.ts`) carries it out. */

/** What a request brings to say who it is; `credentialsOf` (`identity/credentials.ts`) reads it from headers. Never logged. */
export interface Credentials {
  /** What follows `Bearer` in Authorization, or stands in `x-api-key` or `api-key`: an API key or a JWT. */
  readonly token?: string;
  /** Account that the connection's certificate names, checked; `null`: one was shown that is not good. Asked only where there is no token. */
  readonly certificate?: string | null;
  /** A request with a signature instead (AWS Signature Version 4). */
  readonly signed?: Signed;
}

/** A request as it came, as far as a signature covers it. */
export interface SignedWire {
  readonly method: string;
  /** Path and query as they were sent. */
  readonly target: string;
  /** Names and values in turn, as they were sent. */
  readonly rawHeaders: readonly string[];
}

export interface Signed {
  readonly wire: SignedWire;
  /** All of it, read when it is needed. Errors: those of the reading, which `authenticate` gives on. */
  body(): Promise<Uint8Array>;
}

/** Whoever passed authentication. Ids are what policies, limits and usage speak of; none of it is secret. */
export interface Identity {
  readonly kind: "key" | "jwt" | "certificate";
  /** Of the API key; for a JWT `jwt:ISSUER_NAME:SUBJECT`; for a client's certificate `cert:ACCOUNT`. */
  readonly keyId: string;
  /** User or service account; what it is called in a log. */
  readonly subject: string;
  readonly subjectKind: "user" | "serviceAccount";
  readonly teams: readonly string[];
  readonly organisation: string | null;
  readonly roles: readonly string[];
  /** Empty: whatever the policies say. Otherwise only endpoints named here (`chat`, `embeddings`, ..., `admin`), and then what the policies say. */
  readonly scopes: readonly string[];
}

/**
 * Why somebody was not let in, ready for an answer. `message` says the same for unknown, wrong, revoked and expired credentials; `detail` is
 * for the log only and names no secret.
 */
export interface Refusal {
  readonly status: 401 | 503;
  /** `missing`: none given; `invalid`: not (or no longer) good; `ambiguous`: two that differ; `unavailable`: nobody can be asked now. */
  readonly code: "missing" | "invalid" | "ambiguous" | "unavailable";
  readonly message: string;
  readonly detail: string;
  /** For the header WWW-Authenticate. */
  readonly challenge: string;
}

export type Authentication =
  | { readonly identity: Identity; readonly refusal?: never }
  | { readonly identity?: never; readonly refusal: Refusal };
