/** The cache that a configuration describes, and what becomes of the one before. */
import { canonicalJson } from "../../base/index.ts";
import type { GatewayConfig } from "../config/gateway-config.ts";
import { AnswerCache } from "./cache.ts";
import { embedder } from "./embed.ts";
import { openCacheStore } from "./open-store.ts";
import type { CacheStore } from "./store.ts";

type Configured = Pick<GatewayConfig, "cache" | "state" | "folder">;

const storeKey = ({ cache, state, folder }: Configured): string =>
  canonicalJson([cache && [cache.store, cache.entries, cache.bytes], state, folder]);

interface OpenedCache {
  readonly cache: AnswerCache | undefined;
  /** A store that was opened for it. */
  readonly made?: CacheStore;
  /** The one before, where its store is no longer used: for `closeCache`. */
  readonly retired?: AnswerCache | undefined;
}

/** The cache of a configuration. What is kept stays where the store is as before. Errors: stateLost. */
export async function openCache(
  config: Configured,
  before?: { readonly config: Configured; readonly cache: AnswerCache | undefined },
): Promise<OpenedCache> {
  const old = before?.cache;
  const { cache: options, state, folder } = config;
  if (!options) return { cache: undefined, retired: old };
  if (old && canonicalJson(old.options) === canonicalJson(options)) return { cache: old };
  const { store, entries, bytes, semantic } = options;
  const embed = semantic && embedder(semantic.model, semantic.timeout);
  if (old && storeKey(before!.config) === storeKey(config)) return { cache: new AnswerCache(options, old.store, embed, old) };
  const made = await openCacheStore({ store, entries, bytes, state, root: folder });
  return { cache: new AnswerCache(options, made, embed, old), made, retired: old };
}

/** What is being written is written, then the store closes. */
export async function closeCache(cache: AnswerCache | undefined): Promise<void> {
  await cache?.settle();
  await cache?.store.close();
}
