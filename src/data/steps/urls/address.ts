/**
 * Web addresses in one form: what a browser would ask for (WHATWG URL), hosts in small letters and punycode, so that `BÜCHER.de` in a list
 * and `xn--bcher-kva.de` in a page are one.
 */
import { domainToASCII } from "node:url";

export interface UrlAddress {
  /** Small letters, punycode, without a dot at its end. */
  readonly host: string;
  /** Path and query as they are asked for. */
  readonly path: string;
}

/** Browsers and servers take no longer ones. */
const maxLength = 8192;

const tidyHost = (host: string): string => (host.endsWith(".") ? host.slice(0, -1) : host);

/** An `http`, `https` or `ftp` address; `www.` may stand in the scheme's place. Undefined where it is none. */
export function parseAddress(text: string): UrlAddress | undefined {
  if (text.length > maxLength) return undefined;
  const given = /^www\./i.test(text) ? `http://${text}` : text;
  if (!/^(?:https?|ftp):\/\//i.test(given) || !URL.canParse(given)) return undefined;
  const url = new URL(given);
  const host = tidyHost(url.hostname);
  return host === "" ? undefined : { host, path: url.pathname + url.search };
}

/** A domain or an IPv4 address as hosts are written here; undefined where it is none. A leading `*.` or dot is taken off. */
export function parseDomain(text: string): string | undefined {
  const bare = tidyHost(text.replace(/^\*?\./, ""));
  if (bare === "" || bare.length > 253 || /[\s/?#@:\\]/.test(bare)) return undefined;
  const host = domainToASCII(bare.toLowerCase());
  // One label is a machine of one's own network, no domain.
  return /^[a-z0-9_-]+(?:\.[a-z0-9_-]+)+$/.test(host) ? host : undefined;
}

const inText = /(?:(?:https?|ftp):\/\/|www\.)[^\s<>"'`(){}[\]|\\^\p{Cc}]+/giu;
/** Marks of the sentence, not of the address. */
const trailing = /[.,;:!?*_~…，。、；：！？]{1,64}$/u;

/** Addresses in running text as they are written there, with their places. */
export function* addressesIn(text: string): Generator<{ readonly text: string; readonly start: number }> {
  if (!text.includes("://") && !/www\./i.test(text)) return;
  for (const m of text.matchAll(inText)) yield { text: m[0].replace(trailing, ""), start: m.index };
}
