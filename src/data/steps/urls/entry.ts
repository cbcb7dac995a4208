/** An entry of a list: a domain, or the beginning of an address. */
import { parseAddress, parseDomain } from "./address.ts";

export interface Entry {
  readonly host: string;
  /** For what is more than a domain. */
  readonly path?: string;
}

/** A domain or the beginning of an address, with or without `http://`. */
export function parseEntry(text: string): Entry | undefined {
  const bare = text.replace(/^[a-z]+:\/\//i, "");
  const slash = bare.search(/[/?]/);
  if (slash < 0 || bare.slice(slash) === "/") {
    const host = parseDomain(slash < 0 ? bare.replace(/:\d+$/, "") : bare.slice(0, slash).replace(/:\d+$/, ""));
    return host === undefined ? undefined : { host };
  }
  const address = parseAddress(`http://${bare}`);
  return address && parseDomain(address.host) !== undefined ? address : undefined;
}
