/**
 * API keys as text: `sk-loam-PREFIX-SECRET`, 60 bits to find it by and 258 to guess. Only HMAC-SHA-256 of the whole under the server's secret
 * is kept, and looked up by that: who has the database has no key, an unknown key and a wrong one take the same look-up, and how far a wrong
 * one gets in the index says nothing, because nobody can choose a hash.
 */
import { createHmac, hash, randomInt } from "node:crypto";

const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const prefixLength = 10;
const secretLength = 43;
/** The prefix that `redact` (base) knows, so that a key never stays in a sentence. */
const mark = "sk-loam-";

const letters = (count: number): string => Array.from({ length: count }, () => alphabet[randomInt(alphabet.length)]).join("");

/** `sk-loam-Xy12...`: what is shown of a key after its making. */
export const newPrefix = (): string => mark + letters(prefixLength);
export const newSecret = (prefix: string): string => `${prefix}-${letters(secretLength)}`;

/** Longest token of any kind that is looked at: a JWT with many groups has a few thousand characters. */
export const longestToken = 16_384;

export const looksLikeJwt = (token: string): boolean => /^[\w-]+\.[\w-]*\.[\w-]*$/.test(token);

/** Of SHA-256 (RFC 2104). */
const blockBytes = 64;

interface Pads {
  /** The inner pad, and room behind it for the longest key. */
  readonly inner: Buffer;
  /** The outer pad, and room behind it for a hash. */
  readonly outer: Buffer;
  /** Hashes of the last moments, by key. */
  readonly recent: Map<string, string>;
  sinceMs: number;
}

/** Whoever asks again within this time is not hashed again; with the first question after it, all that was remembered goes. */
const recentMs = 2_000;
const mostRecent = 1_000;

const pads = new Map<string, Pads>();

function padsOf(serverSecret: string): Pads {
  const known = pads.get(serverSecret);
  if (known) return known;
  const bytes = Buffer.from(serverSecret);
  const secret = bytes.length > blockBytes ? hash("sha256", bytes, "buffer") : bytes;
  // a character has three bytes at most
  const made = {
    inner: Buffer.alloc(blockBytes + 3 * longestToken),
    outer: Buffer.alloc(blockBytes + 32),
    recent: new Map<string, string>(),
    sinceMs: 0,
  };
  for (let i = 0; i < blockBytes; i++) {
    made.inner[i] = (secret[i] ?? 0) ^ 0x36;
    made.outer[i] = (secret[i] ?? 0) ^ 0x5c;
  }
  pads.set(serverSecret, made);
  return made;
}

/**
 * HMAC-SHA-256 by its definition, from two whole hashes: node's `createHmac` makes an object a key, which costs a request several times the
 * hashing (8 against 2 µs under load). Remembered for two seconds: at few requests a second hashing is the dearest step of all (40 µs).
 */
export function keyHash(serverSecret: string, key: string): string {
  if (key.length > longestToken) return createHmac("sha256", serverSecret).update(key).digest("base64url");
  const own = padsOf(serverSecret);
  const { inner, outer, recent } = own;
  const nowMs = performance.now();
  if (recent.size > 0 && (nowMs - own.sinceMs > recentMs || recent.size >= mostRecent)) recent.clear();
  const known = recent.get(key);
  if (known !== undefined) return known;
  if (recent.size === 0) own.sinceMs = nowMs;
  const length = blockBytes + inner.write(key, blockBytes);
  hash("sha256", inner.subarray(0, length), "buffer").copy(outer, blockBytes);
  inner.fill(0, blockBytes, length);
  const made = hash("sha256", outer, "base64url");
  recent.set(key, made);
  return made;
}
