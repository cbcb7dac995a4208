/** From credentials to who somebody is: an API key of ours, a JWT of a configured issuer, a signature; one answer for everything that is not good. */
import { isLoamError } from "../../base/index.ts";
import type { KeyInfo } from "../contract.ts";
import { longestToken, looksLikeJwt } from "./api-key.ts";
import type { Authentication, Credentials, Identity } from "./contract.ts";
import { invalid, missing, unavailable } from "./credentials.ts";
import type { FoundKey } from "./key-rows.ts";
import type { KeyStore } from "./key-store.ts";
import { accountOf, type Principals } from "./principals.ts";
import { bySignature } from "./signed.ts";
import type { Sigv4 } from "./sigv4-part.ts";
import type { TokenChecker, TokenClaims } from "./tokens.ts";

interface AuthenticatorOptions {
  readonly keys: KeyStore;
  readonly principals: () => Principals;
  /** Undefined where no issuer is configured. */
  readonly tokens: () => TokenChecker | undefined;
  /** Undefined where none are let in. */
  readonly signatures: () => Sigv4 | undefined;
  readonly now: () => number;
}

/** What a key came to under the principals that were there then: both stay as they are, so the answer does. */
const lastOf = new WeakMap<KeyInfo, { readonly principals: Principals; readonly identity: Identity | string }>();

/** The identity of a key whose account is there and not disabled; otherwise why not. */
export function identityOfKey(key: KeyInfo, principals: Principals): Identity | string {
  const last = lastOf.get(key);
  if (last?.principals === principals) return last.identity;
  const identity = identityUnder(key, principals);
  lastOf.set(key, { principals, identity });
  return identity;
}

function identityUnder(key: KeyInfo, principals: Principals): Identity | string {
  const account = accountOf(principals, key.subject);
  if (!account) return `the account "${key.subject}" of key ${key.id} is gone`;
  if (account.disabled) return `the account "${key.subject}" of key ${key.id} is disabled`;
  return {
    kind: "key",
    keyId: key.id,
    subject: key.subject,
    subjectKind: account.kind,
    teams: account.teams,
    organisation: account.organisation,
    roles: account.roles,
    scopes: key.scopes,
  };
}

/** What a token says of somebody, and what configuration says of the same name. */
function identityOfToken(claims: TokenClaims, principals: Principals): Identity | string {
  const account = accountOf(principals, claims.subject);
  if (account?.disabled) return `the account "${claims.subject}" is disabled`;
  const organisation = account?.organisation ?? claims.organisation;
  if (organisation !== null && Object.hasOwn(principals.organisations, organisation) && principals.organisations[organisation]!.disabled)
    return `the organisation "${organisation}" is disabled`;
  const isOpen = (team: string): boolean => !(Object.hasOwn(principals.teams, team) && principals.teams[team]!.disabled);
  const teams = [...new Set([...(account?.teams ?? []), ...claims.teams])].filter(isOpen);
  return {
    kind: "jwt",
    // one for each of them: limits by key are limits of a caller
    keyId: `jwt:${claims.subject}`,
    subject: claims.subject,
    subjectKind: account?.kind ?? "user",
    teams,
    organisation,
    roles: [...new Set([...(account?.roles ?? []), ...claims.roles])],
    scopes: claims.scopes,
  };
}

/** Whom a checked certificate names; it was looked at when the connection was made. */
function identityOfCertificate(name: string | null, principals: Principals): Identity | string {
  if (name === null) return "a client certificate that is not good, or names nobody";
  const account = accountOf(principals, name);
  if (!account) return `the account "${name}" of a client certificate is not there`;
  if (account.disabled) return `the account "${name}" of a client certificate is disabled`;
  const { kind, teams, organisation, roles } = account;
  return { kind: "certificate", keyId: `cert:${name}`, subject: name, subjectKind: kind, teams, organisation, roles, scopes: [] };
}

const answer = (identity: Identity | string): Authentication =>
  typeof identity === "string" ? { refusal: invalid(identity) } : { identity };

const lost = (error: unknown): Authentication => {
  if (isLoamError(error)) return { refusal: unavailable(error.message) };
  throw error;
};

export function authenticator(options: AuthenticatorOptions): (credentials: Credentials) => Authentication | Promise<Authentication> {
  const byToken = async (checker: TokenChecker, token: string): Promise<Authentication> => {
    const checked = await checker.check(token);
    if (checked.kind === "unavailable") return { refusal: unavailable(checked.detail) };
    return checked.kind === "bad" ? { refusal: invalid(checked.detail) } : answer(identityOfToken(checked.claims, options.principals()));
  };
  const byFound = (found: FoundKey | null): Authentication => {
    if (!found) return { refusal: invalid("a key that is not known") };
    const { key, secretExpiresMs } = found;
    if (secretExpiresMs !== null && secretExpiresMs <= options.now())
      return { refusal: invalid(`a secret of key ${key.id} that was rotated away`) };
    return byKey(key);
  };
  const byKey = (key: KeyInfo): Authentication => {
    const nowMs = options.now();
    if (key.revokedMs !== null) return { refusal: invalid(`key ${key.id} is revoked`) };
    if (key.expiresMs !== null && key.expiresMs <= nowMs) return { refusal: invalid(`key ${key.id} has expired`) };
    const identity = identityOfKey(key, options.principals());
    if (typeof identity !== "string") options.keys.used(key.id);
    return answer(identity);
  };
  const signed = bySignature(options, byKey);
  return ({ token, certificate, signed: request }) => {
    if (request) return signed(request);
    if (token === undefined || token === "")
      return certificate === undefined ? { refusal: missing } : answer(identityOfCertificate(certificate, options.principals()));
    if (token.length > longestToken) return { refusal: invalid(`credentials of ${token.length} characters`) };
    const checker = options.tokens();
    if (checker && looksLikeJwt(token)) return byToken(checker, token).catch(lost);
    const found = options.keys.find(token);
    return found instanceof Promise ? found.then(byFound).catch(lost) : byFound(found);
  };
}
