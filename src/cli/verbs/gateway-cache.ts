/**
 * `loam gateway cache`: what answers are kept, and their end. Asks the gateway that runs; with `--store` the file or database of the answers itself,
 * where they are kept outside of its memory.
 */
import { formatBytes } from "../../base/index.ts";
import { type CacheState, type GatewayConfig, openCacheStore } from "../../gateway/index.ts";
import { projectErrors } from "../../project/index.ts";
import { cliErrors } from "../errors.ts";
import { gatewayOf } from "../gateway/open-gateway.ts";
import { askRunning, runningOf } from "../gateway/running.ts";
import { textOption } from "../options.ts";
import type { Context, Options, VerbRun } from "../verb.ts";

const place = "loam gateway cache";

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

/** The store of the file, opened from outside. Errors: cli/usage where it is in the gateway's memory. */
async function withStore(context: Context, config: GatewayConfig, action: string, options: Options): Promise<void> {
  const { cache, state, folder } = config;
  if (!cache) throw projectErrors.fail("nothing", { place, message: "the gateway's file has no part `cache`" });
  const { store: name, entries, bytes } = cache;
  const store = await openCacheStore({ store: name, entries, bytes, state, root: folder });
  try {
    if (store.kind === "memory")
      throw cliErrors.fail("usage", {
        place: `${place}: --store`,
        expected: "answers in a file or database",
        received: "a cache in the gateway's memory",
        hint: "Leave --store out: the running gateway is asked.",
      });
    if (action === "clear") {
      const cleared = await store.clear({ model: textOption(options, "model"), tenant: textOption(options, "tenant") });
      context.out.line(`  ${cleared} answers are gone.`);
      return context.out.result({ cleared });
    }
    const size = await store.size();
    context.out.line(`  ${size.entries} answers, ${formatBytes(size.bytes)}, in ${store.kind}`);
    context.out.result({ store: store.kind, ...size });
  } finally {
    await store.close();
  }
}

export const gatewayCache: VerbRun = async (context, [action = "show"], options) => {
  if (action !== "show" && action !== "clear")
    throw cliErrors.fail("usage", { place, expected: "show or clear", received: JSON.stringify(action) });
  if (options.store === true) return withStore(context, (await gatewayOf(context, options)).config, action, options);
  const config = textOption(options, "url") === undefined ? (await gatewayOf(context, options)).config : undefined;
  const running = await runningOf(context, config, options, place);
  if (action === "show") {
    const state = await askRunning<CacheState>(running, "GET", "/gateway/cache");
    showState(context, state);
    return context.out.result(state);
  }
  const query = new URLSearchParams();
  for (const name of ["model", "tenant"]) {
    const value = textOption(options, name);
    if (value !== undefined) query.set(name, value);
  }
  const answer = await askRunning<{ readonly cleared: number }>(running, "DELETE", `/gateway/cache${query.size > 0 ? `?${query}` : ""}`);
  context.out.line(`  ${answer.cleared} answers are gone.`);
  context.out.result(answer);
};
