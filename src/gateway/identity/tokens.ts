/**
 * JWTs of the configured issuers (RFC 7519, checked as RFC 8725 says): issuer, audience and algorithms are pinned by configuration, never taken
 * from the token; keys come from the issuer's set alone (`jwk`, `jku`, `x5u`, `x5c` in a header are not looked at); an end is needed.
 */
import { createLocalJWKSet, decodeJwt, errors, type JWTPayload, jwtVerify } from "jose";
import { defined, isLoamError } from "../../base/index.ts";
import { endpoints } from "../endpoints.ts";
import type { Issuer } from "./issuers.ts";
import { type KeySet, type KeySetOptions, keySet } from "./jwks.ts";

/** What a good token says. */
export interface TokenClaims {
  readonly issuer: string;
  readonly subject: string;
  readonly teams: readonly string[];
  readonly roles: readonly string[];
  readonly organisation: string | null;
  readonly scopes: readonly string[];
}
type TokenAnswer =
  | { readonly kind: "good"; readonly claims: TokenClaims }
  | { readonly kind: "bad"; readonly detail: string }
  | { readonly kind: "unavailable"; readonly detail: string };

/** Names that a token may give somebody, each so long at most. */
const mostNames = 200;
const longestName = 256;

/** A claim by its path; an own name with dots in it goes first (`https://acme.example/roles`). */
function claimAt(payload: JWTPayload, path: string): unknown {
  if (Object.hasOwn(payload, path)) return payload[path];
  return path
    .split(".")
    .reduce<unknown>(
      (v, key) => (typeof v === "object" && v !== null && Object.hasOwn(v, key) ? (v as Record<string, unknown>)[key] : undefined),
      payload,
    );
}

/** A list of words, or words with spaces between; whatever is no word is left out. */
function wordsAt(payload: JWTPayload, path: string | undefined): string[] {
  if (path === undefined) return [];
  const value = claimAt(payload, path);
  const list = typeof value === "string" ? value.split(" ") : Array.isArray(value) ? (value as unknown[]) : [];
  return [...new Set(list.filter((w): w is string => typeof w === "string" && w !== "" && w.length <= longestName))].slice(0, mostNames);
}

function claimsOf(issuer: Issuer, payload: JWTPayload): TokenClaims | undefined {
  const subject = claimAt(payload, issuer.claims.subject);
  if (typeof subject !== "string" || subject === "" || subject.length > longestName) return undefined;
  const organisation = issuer.claims.organisation === undefined ? undefined : claimAt(payload, issuer.claims.organisation);
  const known: readonly string[] = endpoints;
  return {
    issuer: issuer.name,
    // never the name of an account of ours
    subject: `${issuer.name}:${subject}`,
    teams: wordsAt(payload, issuer.claims.teams),
    roles: wordsAt(payload, issuer.claims.roles),
    organisation: typeof organisation === "string" && organisation !== "" && organisation.length <= longestName ? organisation : null,
    scopes: wordsAt(payload, issuer.claims.scopes).filter(word => known.includes(word)),
  };
}

export interface TokenChecker {
  check(token: string): Promise<TokenAnswer>;
}

export function tokenChecker(issuers: readonly Issuer[], options: KeySetOptions): TokenChecker {
  const byIssuer = new Map<string, { readonly issuer: Issuer; readonly keys: KeySet }>(
    issuers.map(issuer => [issuer.issuer, { issuer, keys: keySet(issuer, options) }]),
  );
  return {
    async check(token) {
      let said: unknown;
      try {
        said = decodeJwt(token).iss;
      } catch {
        return { kind: "bad", detail: "a token that cannot be read" };
      }
      const found = typeof said === "string" ? byIssuer.get(said) : undefined;
      if (!found) return { kind: "bad", detail: "a token of an issuer that is not configured" };
      const { issuer, keys } = found;
      const verify = async (unknownKey: boolean) =>
        jwtVerify(token, createLocalJWKSet(await keys.get(unknownKey)), {
          issuer: issuer.issuer,
          audience: issuer.audience,
          algorithms: [...issuer.algorithms],
          clockTolerance: issuer.clockSkew / 1_000,
          currentDate: new Date(options.now()),
          requiredClaims: ["exp"],
          ...(issuer.maxAge === undefined ? {} : { maxTokenAge: issuer.maxAge / 1_000 }),
          ...defined({ typ: issuer.type }),
        });
      try {
        const { payload } = await verify(false).catch(error => {
          // the issuer may have new keys
          if (error instanceof errors.JWKSNoMatchingKey) return verify(true);
          throw error;
        });
        const claims = claimsOf(issuer, payload);
        return claims
          ? { kind: "good", claims }
          : { kind: "bad", detail: `a token of ${issuer.name} without the claim ${issuer.claims.subject}` };
      } catch (error) {
        if (isLoamError(error)) return { kind: "unavailable", detail: error.message };
        if (error instanceof errors.JOSEError) return { kind: "bad", detail: `a token of ${issuer.name}: ${error.code}, ${error.message}` };
        // keys that cannot be imported, algorithms that the platform lacks
        return { kind: "bad", detail: `a token of ${issuer.name} that cannot be checked: ${(error as Error).message}` };
      }
    },
  };
}
