/**
 * The contract of a key management service: it wraps and unwraps data keys with key encryption keys (KEKs) that never leave it. Implementations: a key
 * file, an environment variable (`local-keys.ts`), a command (`command-keys.ts`), AWS KMS (`aws-kms.ts`); one suite (`key-service.laws.ts`) runs on all.
 */

/** What a wrapped key is bound to; unwrapping with another context fails. */
export interface WrapContext {
  /** Key ring that the data key belongs to. */
  readonly ring: string;
  /** Id of the data key. */
  readonly key: string;
}

export interface WrappedKey {
  /** Id of the key encryption key. */
  readonly kek: string;
  /** Base64. */
  readonly wrapped: string;
}

export interface KeyService {
  /** For sentences, without secrets. */
  readonly place: string;
  /** Id of the key that new data keys are wrapped with. Errors: keyService, keyMissing. */
  current(): Promise<string>;
  /** Ids of the keys that unwrap, the current one first; only the current one where the service does not list them. */
  list(): Promise<readonly string[]>;
  /** Wraps with the current key. Errors: keyService, keyMissing. */
  wrap(key: Uint8Array, context: WrapContext): Promise<WrappedKey>;
  /** Errors: keyMissing (no such key encryption key), keyWrong (it does not fit), keyService. */
  unwrap(wrapped: WrappedKey, context: WrapContext): Promise<Buffer>;
  /** Makes a new current key; undefined where keys are made elsewhere. */
  readonly create?: (() => Promise<string>) | undefined;
}
