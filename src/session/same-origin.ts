/**
 * Whether a browser says that a request comes from the server's own page. Only ever asked beside a session: these headers are the client's, and
 * no credential. A page of another port of the host is `same-site`, so it does not pass.
 */

export type HeaderOf = (name: string) => string | null | undefined;

/** Reading: a browser that tells (`Sec-Fetch-Site`, Fetch Metadata) must not name another page. */
export function isOwnRead(header: HeaderOf): boolean {
  const site = header("sec-fetch-site");
  return site == null || site === "same-origin" || site === "none";
}

/**
 * Writing: `Origin` is the server's, as `Host` names it. A proxy may have rewritten `Host` (nginx's `proxy_pass` does); there the browser's own
 * `Sec-Fetch-Site: same-origin` counts, which it sends under TLS and on loopback.
 */
export function isOwnWrite(header: HeaderOf): boolean {
  if (!isOwnRead(header)) return false;
  const origin = header("origin");
  if (origin == null || !URL.canParse(origin)) return false;
  const { host, protocol } = new URL(origin);
  if (protocol !== "http:" && protocol !== "https:") return false;
  return host === header("host") || header("sec-fetch-site") === "same-origin";
}
