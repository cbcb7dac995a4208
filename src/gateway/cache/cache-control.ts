/** What a client's `cache-control` says of the gateway's cache (RFC 9111, section 5.2.1). Directives that mean nothing here are passed over. */

export interface CacheControl {
  /** `no-store`: the cache is left alone. */
  readonly noStore: boolean;
  /** `no-cache`: a new answer, which is kept. */
  readonly noCache: boolean;
  /** `only-if-cached`: no server is asked. */
  readonly onlyIfCached: boolean;
  /** `max-age`: an older answer is none. Infinite where nothing is said. */
  readonly maxAgeMs: number;
}

const none: CacheControl = { noStore: false, noCache: false, onlyIfCached: false, maxAgeMs: Number.POSITIVE_INFINITY };

export function cacheControlOf(header: string | null): CacheControl {
  if (header === null) return none;
  let said = none;
  for (const part of header.toLowerCase().split(",")) {
    const [name = "", value = ""] = part.split("=", 2).map(s => s.trim());
    if (name === "no-store") said = { ...said, noStore: true };
    else if (name === "no-cache") said = { ...said, noCache: true };
    else if (name === "only-if-cached") said = { ...said, onlyIfCached: true };
    else if (name === "max-age") {
      // an age that cannot be read is the strictest
      const seconds = /^"?(\d{1,10})"?$/.exec(value)?.[1];
      said = { ...said, maxAgeMs: seconds === undefined ? 0 : Number(seconds) * 1000 };
    }
  }
  return said.maxAgeMs === 0 ? { ...said, noCache: true } : said;
}
