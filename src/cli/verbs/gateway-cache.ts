/** `loam gateway cache`: what answers are kept, and their end. Asks the gateway that runs; with `--store` the file or database of the answers itself. */
import { formatBytes } from "../../base/index.ts";
import type { CacheState } from "../../gateway/index.ts";
import { cacheState, cacheStoreSize, clearCache, clearCacheStore } from "../../project/gateway/index.ts";
import { wrongArgument } from "../../project/index.ts";
import { gatewayAt } from "../gateway-place.ts";
import { textOption } from "../options.ts";
import type { Context, VerbRun } from "../verb.ts";

function showState({ out }: Context, s: CacheState): void {
  out.line(`  ${s.entries} answers, ${formatBytes(s.bytes)}, of at most ${s.mostEntries} and ${formatBytes(s.mostBytes)}`);
  out.line(`  kept in ${s.store}, shared by ${s.scope}; ${s.underWay} under way; ${s.questions} compared by meaning`);
  for (const [model, r] of Object.entries(s.results)) {
    const given = r.hit + r.shared + r.semantic;
    const share = Math.round((100 * given) / Math.max(1, given + r.miss));
    out.line(
      `  ${model.padEnd(24)} ${r.hit} hits, ${r.shared} shared, ${r.semantic} by meaning, ${r.miss} misses (${share} % given), ${r.bypass} passed by`,
    );
  }
  if (s.storeErrors > 0) out.warn(`  the store failed ${s.storeErrors} times; each was a miss`);
}

export const gatewayCache: VerbRun = async (context, [action = "show"], options) => {
  const { out } = context;
  if (action !== "show" && action !== "clear") throw wrongArgument("loam gateway cache", "show or clear", JSON.stringify(action));
  const at = gatewayAt(context, options);
  if (action === "clear") {
    const which = { model: textOption(options, "model"), tenant: textOption(options, "tenant") };
    const cleared = await (options.store === true ? clearCacheStore : clearCache)(at, which);
    out.line(`  ${cleared} answers are gone.`);
    return out.result({ cleared });
  }
  if (options.store !== true) {
    const state = await cacheState(at);
    showState(context, state);
    return out.result(state);
  }
  const size = await cacheStoreSize(at);
  out.line(`  ${size.entries} answers, ${formatBytes(size.bytes)}, in ${size.store}`);
  out.result(size);
};
