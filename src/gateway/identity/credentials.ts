/** Reads credentials from headers: `Authorization: Bearer`, Anthropic's `x-api-key`, Azure's `api-key`. Never from the URL, which is logged. */
import type { Credentials, Refusal } from "./contract.ts";

const challenge = 'Bearer realm="loam gateway"';

/** What everybody hears whose credentials are not good, whatever is wrong with them. */
export const invalid = (detail: string): Refusal => ({
  status: 401,
  code: "invalid",
  message: "The API key or token is not valid. Check it, or ask your administrator for a new one.",
  detail,
  challenge: `${challenge}, error="invalid_token"`,
});

export const missing: Refusal = {
  status: 401,
  code: "missing",
  message: "No API key. Send it as Authorization: Bearer KEY.",
  detail: "no credentials",
  challenge,
};

export const unavailable = (detail: string): Refusal => ({
  status: 503,
  code: "unavailable",
  message: "Who you are cannot be checked now. Try again shortly.",
  detail,
  challenge,
});

export const ambiguous: Refusal = {
  status: 401,
  code: "ambiguous",
  message: "Authorization, x-api-key and api-key hold different credentials. Send one of them.",
  detail: "headers with different credentials",
  challenge,
};

const bearer = /^bearer[ ]+([^\s,]+)[ ]*$/i;

/** `headers` by small-letter name. Several that say the same are one; several that differ are refused, because two gates could read two of them. */
export function credentialsOf(header: (name: string) => string | null | undefined): Credentials | Refusal {
  const authorization = header("authorization");
  const [first, second] = [header("x-api-key")?.trim(), header("api-key")?.trim()];
  if (authorization && !first && !second) {
    const token = bearer.exec(authorization)?.[1];
    return token === undefined ? invalid("an Authorization header that is not one Bearer token") : { token };
  }
  const given = new Set<string>();
  if (authorization) {
    const token = bearer.exec(authorization)?.[1];
    if (token === undefined) return invalid("an Authorization header that is not one Bearer token");
    given.add(token);
  }
  for (const value of [first, second]) if (value) given.add(value);
  if (given.size > 1) return ambiguous;
  const [token] = given;
  return token === undefined ? {} : { token };
}
