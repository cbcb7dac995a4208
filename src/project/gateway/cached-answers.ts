/** What answers are kept, and their end: of the gateway that runs, or in the file or database of the answers itself, where these are outside of its memory. */
import { type CacheState, openCacheStore } from "../../gateway/index.ts";
import { projectErrors, wrongArgument } from "../errors.ts";
import { type GatewayPlace, gatewayOf } from "./gateway-place.ts";
import { askRunning, runningFor } from "./running-gateway.ts";

const verb = "loam gateway cache";

export interface CachedAnswers {
  readonly model?: string | undefined;
  /** `key:ID`, `organisation:NAME` or `all`. */
  readonly tenant?: string | undefined;
}

export interface CacheSize {
  readonly store: string;
  readonly entries: number;
  readonly bytes: number;
}

export const cacheState = async (at: GatewayPlace): Promise<CacheState> =>
  askRunning<CacheState>(await runningFor(at, verb), "GET", "/gateway/cache");

export async function clearCache(at: GatewayPlace, { model, tenant }: CachedAnswers = {}): Promise<number> {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries({ model, tenant })) if (value !== undefined) query.set(name, value);
  const path = `/gateway/cache${query.size > 0 ? `?${query}` : ""}`;
  return (await askRunning<{ readonly cleared: number }>(await runningFor(at, verb), "DELETE", path)).cleared;
}

type CacheStore = Awaited<ReturnType<typeof openCacheStore>>;

/** The store of the file, opened from outside. Errors: project/nothing where there is none, project/argument where it is in the gateway's memory. */
async function withCacheStore<T>(at: GatewayPlace, use: (store: CacheStore) => Promise<T>): Promise<T> {
  const { cache, state, folder } = (await gatewayOf(at)).config;
  if (!cache) throw projectErrors.fail("nothing", { place: verb, message: "the gateway's file has no part `cache`" });
  const { store: name, entries, bytes } = cache;
  const store = await openCacheStore({ store: name, entries, bytes, state, root: folder });
  try {
    if (store.kind === "memory")
      throw wrongArgument(
        `${verb}: --store`,
        "answers in a file or database",
        "a cache in the gateway's memory",
        "Leave --store out: the running gateway is queried.",
      );
    return await use(store);
  } finally {
    await store.close();
  }
}

export const cacheStoreSize = (at: GatewayPlace): Promise<CacheSize> =>
  withCacheStore(at, async store => ({ store: store.kind, ...(await store.size()) }));

/** Gives the number of answers that are gone. */
export const clearCacheStore = (at: GatewayPlace, { model, tenant }: CachedAnswers = {}): Promise<number> =>
  withCacheStore(at, store => store.clear({ model, tenant }));
