/**
 * API keys as text: `sk-loam-PREFIX-SECRET`, 60 bits to find it by and 258 to guess. Only HMAC-SHA-256 of the whole under the server's secret
 * is kept, and looked up by that: who has the database has no key, an unknown key and a wrong one take the same look-up, and how far a wrong
 * one gets in the index says nothing, because nobody can choose a hash.
 */
import { createHmac, randomInt } from "node:crypto";

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

export const keyHash = (serverSecret: string, key: string): string => createHmac("sha256", serverSecret).update(key).digest("base64url");
