/**
 * An issuer's public keys: fetched once for all who wait, kept, fetched again when they are old or when a token names one that is not among
 * them (but not more often than every half minute, whatever tokens come), and used on for an hour while the issuer does not answer.
 */
import type { JSONWebKeySet } from "jose";
import { redact } from "../../base/index.ts";
import { gatewayErrors } from "../errors.ts";
import type { Issuer } from "./issuers.ts";

export interface KeySet {
  /** The newest set; with `unknownKey` one fetched since, where that is allowed now. Errors: issuer. */
  get(unknownKey?: boolean): Promise<JSONWebKeySet>;
}

export interface KeySetOptions {
  readonly now: () => number;
  readonly fetch?: typeof fetch;
}

const freshMs = 10 * 60_000;
const againMs = 30_000;
const staleMs = 3_600_000;
const timeoutMs = 5_000;
/** A set of keys has a few kilobytes. */
const mostBytes = 256 * 1024;

async function json(get: typeof fetch, url: string): Promise<Record<string, unknown>> {
  // a redirect could lead to where nobody has looked
  const response = await get(url, { redirect: "error", signal: AbortSignal.timeout(timeoutMs), headers: { accept: "application/json" } });
  if (!response.ok) {
    await response.body?.cancel();
    throw new Error(`status ${response.status}`);
  }
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of response.body ?? []) {
    bytes += part.length;
    if (bytes > mostBytes) throw new Error(`more than ${mostBytes} bytes`);
    parts.push(part);
  }
  const value: unknown = JSON.parse(Buffer.concat(parts).toString("utf8"));
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new Error("JSON that is no object");
  return value as Record<string, unknown>;
}

export function keySet(issuer: Issuer, options: KeySetOptions): KeySet {
  const get = options.fetch ?? fetch;
  let kept: { readonly keys: JSONWebKeySet; readonly atMs: number } | undefined;
  let triedMs = Number.NEGATIVE_INFINITY;
  let under: Promise<void> | undefined;
  let lastError: unknown;

  const load = async (): Promise<void> => {
    triedMs = options.now();
    try {
      let url = issuer.jwks;
      if (url === undefined) {
        const found = await json(get, `${issuer.issuer.replace(/\/$/, "")}/.well-known/openid-configuration`);
        if (found.issuer !== issuer.issuer) throw new Error(`a configuration of the issuer "${String(found.issuer)}"`);
        if (typeof found.jwks_uri !== "string") throw new Error("a configuration without jwks_uri");
        url = found.jwks_uri;
        const [at, from] = [new URL(url), new URL(issuer.issuer)];
        if (at.protocol !== "https:" && at.host !== from.host) throw new Error(`jwks_uri on another host without https: "${url}"`);
      }
      const set = await json(get, url);
      if (!Array.isArray(set.keys)) throw new Error("a set of keys without keys");
      // a shared secret in a public set is a mistake of the issuer's, and must not check anything
      const keys = (set.keys as { kty?: unknown }[]).filter(
        k => typeof k === "object" && k !== null && typeof k.kty === "string" && k.kty !== "oct",
      );
      kept = { keys: { keys: keys as JSONWebKeySet["keys"] }, atMs: options.now() };
      lastError = undefined;
    } catch (error) {
      lastError = error;
    }
  };

  return {
    async get(unknownKey = false) {
      const nowMs = options.now();
      const isOld = !kept || nowMs - kept.atMs > freshMs || unknownKey;
      // without any keys nobody can come in, so the first may be fetched sooner than others again
      if (isOld && (nowMs - triedMs >= againMs || (!kept && nowMs - triedMs >= 1_000)))
        under ??= load().finally(() => {
          under = undefined;
        });
      // whoever has keys to try need not wait for newer ones, unless these lack the one asked for
      if (under && (!kept || unknownKey)) await under;
      if (kept && options.now() - kept.atMs <= staleMs) return kept.keys;
      throw gatewayErrors.fail(
        "issuer",
        {
          place: `issuers.${issuer.name}`,
          expected: `the keys of ${redact(issuer.jwks ?? issuer.issuer)}`,
          received: lastError instanceof Error ? redact(lastError.message) : "none yet",
          hint: "Check that the issuer can be reached from here.",
        },
        lastError,
      );
    },
  };
}
