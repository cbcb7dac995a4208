/** Content hashes and the one canonical text form of a value, on which every identity in Loam rests. */
import { createHash } from "node:crypto";

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** SHA-256 as 64 lower-case hex digits. */
export const sha256 = (data: string | Uint8Array): string => createHash("sha256").update(data).digest("hex");

/**
 * JSON with keys sorted, no white space, undefined members left out (RFC 8785's rules for what JSON can hold).
 * Throws on NaN, infinities, functions and cycles: an identity must not rest on them.
 */
export function canonicalJson(value: unknown): string {
  const write = (v: unknown): string => {
    if (v === null || typeof v === "boolean" || typeof v === "string") return JSON.stringify(v);
    if (typeof v === "number") {
      if (!Number.isFinite(v)) throw new TypeError(`canonicalJson: expected finite numbers, got ${v}`);
      return JSON.stringify(v);
    }
    if (Array.isArray(v)) return `[${v.map(x => write(x === undefined ? null : x)).join(",")}]`;
    if (typeof v === "object") {
      const keys = Object.keys(v as object)
        .filter(k => (v as Record<string, unknown>)[k] !== undefined)
        .sort();
      return `{${keys.map(k => `${JSON.stringify(k)}:${write((v as Record<string, unknown>)[k])}`).join(",")}}`;
    }
    throw new TypeError(`canonicalJson: expected plain data, got ${typeof v}`);
  };
  return write(value);
}

/** Identity of plain data. */
export const hashOf = (value: unknown): string => sha256(canonicalJson(value));
