/** `loam gateway reload`: a gateway that runs takes up its changed file now, and says what is wrong with it. */
import { gatewayOf } from "../gateway/open-gateway.ts";
import { askRunning, runningOf } from "../gateway/running.ts";
import { textOption } from "../options.ts";
import type { VerbRun } from "../verb.ts";

const place = "loam gateway reload";

export const gatewayReload: VerbRun = async (context, _words, options) => {
  const { out } = context;
  const config = textOption(options, "url") === undefined ? (await gatewayOf(context, options)).config : undefined;
  const running = await runningOf(context, config, options, place);
  const answer = await askRunning<{ readonly head: object | null }>(running, "POST", "/gateway/reload");
  out.line(`  ${running.url} has taken it up.`);
  out.result({ url: running.url, ...answer });
};
