/** A person in the state of a project's gateway: erased from what lies on a disk or in a database; what lies in a running gateway's memory is named. */
import { existsSync } from "node:fs";
import { isAbsolute, join } from "node:path";
import { type GatewayConfig, openCacheStore } from "../../gateway/index.ts";
import { configPath, gatewayOf } from "../gateway/gateway-place.ts";
import { openFor } from "../gateway/open-control.ts";
import type { Workspace } from "../workspace.ts";
import type { ErasurePlace } from "./places.ts";

const inMemory = (url: string): boolean => url === "memory" || url === "memory:";
/** A file that nobody has made yet holds nothing, and is not made here. */
const isThere = (url: string, folder: string): boolean => {
  if (!url.startsWith("sqlite:")) return true;
  const path = url.slice("sqlite:".length);
  return existsSync(isAbsolute(path) ? path : join(folder, path));
};

const reason = (error: unknown): string => (error instanceof Error ? error.message : String(error)).slice(0, 500);

/** Places of the gateway. A state that does not answer is a place that was not reached, not an error: the rest of the erasure is not undone by it. */
export async function eraseFromGateway(at: Workspace, subject: string): Promise<ErasurePlace[]> {
  const names = ["gateway: review cases", "gateway: journal of requests", "gateway: usage"] as const;
  const cacheName = "gateway: cached responses";
  const all = (why: string): ErasurePlace[] => [...names, cacheName].map(place => ({ place, reached: false, reason: why }));
  if (at.file.config.gateway === undefined && !existsSync(configPath({ folder: at.folder })))
    return all("the project has no gateway of its own: erase in the folder of the gateway that serves it");
  const places: ErasurePlace[] = [];
  let found: Awaited<ReturnType<typeof gatewayOf>>;
  try {
    found = await gatewayOf({ folder: at.folder });
  } catch (error) {
    return all(reason(error));
  }
  const { config } = found;
  const { state, folder } = config;
  if (inMemory(state))
    places.push(...names.map(place => ({ place, reached: false, reason: "it is in the gateway's memory: restart the gateway" })));
  else if (!isThere(state, folder)) places.push(...names.map(place => ({ place, reached: true, erased: 0 })));
  else
    try {
      const control = await openFor(config, () => {}, { entriesMayNotFit: true });
      try {
        const { reviewCases, requests, usageRows, keys } = await control.eraseSubject(subject);
        for (const [i, erased] of [reviewCases, requests, usageRows].entries()) places.push({ place: names[i]!, reached: true, erased });
        if (keys > 0)
          places.push({
            place: "gateway: keys",
            reached: false,
            reason: `${keys} keys are the person's still: revoke them (\`loam gateway keys\`)`,
          });
      } finally {
        await control.close();
      }
    } catch (error) {
      places.push(...names.map(place => ({ place, reached: false, reason: reason(error) })));
    }
  places.push({
    place: "gateway: list of changes, limits, names in its file",
    reached: false,
    reason: "changes are a chain that nothing may leave, windows of limits end by themselves, the file is yours",
  });
  places.push(await clearedCache(cacheName, config));
  return places;
}

async function clearedCache(place: string, { cache, state, folder }: GatewayConfig): Promise<ErasurePlace> {
  if (!cache) return { place, reached: true, erased: 0 };
  const url = cache.store === "state" ? state : cache.store;
  if (inMemory(url))
    return { place, reached: false, reason: "it is in the gateway's memory: `loam gateway cache clear`, or restart the gateway" };
  if (!isThere(url, folder)) return { place, reached: true, erased: 0 };
  try {
    const store = await openCacheStore({ store: cache.store, entries: cache.entries, bytes: cache.bytes, state, root: folder });
    try {
      // entries name nobody: all go
      return { place, reached: true, erased: await store.clear({}) };
    } finally {
      await store.close();
    }
  } catch (error) {
    return { place, reached: false, reason: reason(error) };
  }
}
