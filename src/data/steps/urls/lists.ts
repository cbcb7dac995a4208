/** Block and allow lists together: the longest entry that fits an address decides, and of two alike the blocking one. */
import type { UrlAddress } from "./address.ts";
import { DomainTable } from "./domain-table.ts";
import type { Entry } from "./entry.ts";

interface Hit {
  readonly action: "block" | "allow";
  /** The name of the list. */
  readonly list: string;
  /** What fitted: a domain, or a domain and the beginning of a path. */
  readonly entry: string;
}

interface Prefix {
  readonly path: string;
  readonly list: number;
}

/** Whether a path begins with the entry's, at a border: `/ads` is the beginning of `/ads/x` and `/ads?x`, not of `/adsense`. */
const isBeginning = (prefix: string, path: string): boolean =>
  path.startsWith(prefix) && (prefix.length === path.length || /[/?=&]$/.test(prefix) || /[/?#&]/.test(path[prefix.length]!));

class Side {
  readonly domains = new DomainTable();
  readonly #prefixes = new Map<string, Prefix[]>();
  readonly names: string[] = [];

  add(entries: Iterable<Entry>, name: string): void {
    const list = this.names.push(name) - 1;
    for (const { host, path } of entries) {
      if (path === undefined) this.domains.add(host, list);
      else this.#prefixes.set(host, [...(this.#prefixes.get(host) ?? []), { path, list }]);
    }
  }

  /** `www.` of a host that an entry with a path names is that host. */
  find({ host, path }: UrlAddress): Omit<Hit, "action"> | undefined {
    let best: { domain: string; prefix: Prefix } | undefined;
    for (const domain of host.startsWith("www.") ? [host, host.slice(4)] : [host])
      for (const prefix of this.#prefixes.get(domain) ?? [])
        if (isBeginning(prefix.path, path) && (!best || prefix.path.length > best.prefix.path.length)) best = { domain, prefix };
    if (best) return { list: this.names[best.prefix.list]!, entry: best.domain + best.prefix.path };
    const found = this.domains.find(host);
    return found && { list: this.names[found.list]!, entry: found.domain };
  }
}

export class Lists {
  readonly #block = new Side();
  readonly #allow = new Side();

  add(action: Hit["action"], entries: Iterable<Entry>, name: string): void {
    (action === "block" ? this.#block : this.#allow).add(entries, name);
  }

  find(address: UrlAddress): Hit | undefined {
    const block = this.#block.find(address);
    const allow = this.#allow.find(address);
    if (!block) return allow && { action: "allow", ...allow };
    if (!allow) return { action: "block", ...block };
    // An entry with a path says more than any domain.
    const rank = (entry: string) => (entry.includes("/") ? 1000 : 0) + entry.length;
    return rank(allow.entry) > rank(block.entry) ? { action: "allow", ...allow } : { action: "block", ...block };
  }
}
