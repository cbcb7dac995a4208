/** Reads credentials from headers: `Authorization: Bearer`, Anthropic's `x-api-key`, Azure's `api-key`. Never from the URL, which is logged. */
import type { Credentials, Refusal } from "../contract.ts";

export const challenge = 'Bearer realm="loam gateway"';

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

/** `headers` by small-letter name. Several that say the same are one; several that differ are refused, because two gates could read two of them. */
export function credentialsOf(header: (name: string) => string | null | undefined): Credentials | Refusal {
  const authorization = header("authorization");
  const given = new Set<string>();
  if (authorization) {
    const bearer = /^bearer[ ]+([^\s,]+)[ ]*$/i.exec(authorization);
    if (!bearer) return invalid("an Authorization header that is not one Bearer token");
    given.add(bearer[1]!);
  }
  for (const name of ["x-api-key", "api-key"]) {
    const value = header(name)?.trim();
    if (value) given.add(value);
  }
  if (given.size > 1)
    return {
      status: 401,
      code: "ambiguous",
      message: "Authorization, x-api-key and api-key hold different credentials. Send one of them.",
      detail: "headers with different credentials",
      challenge,
    };
  const [token] = given;
  return token === undefined ? {} : { token };
}
