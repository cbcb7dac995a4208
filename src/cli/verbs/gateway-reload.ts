/** `loam gateway reload`: a gateway that runs takes up its changed file now, and says what is wrong with it. */
import { reloadGateway } from "../../project/gateway/index.ts";
import { gatewayAt } from "../gateway-place.ts";
import type { VerbRun } from "../verb.ts";

export const gatewayReload: VerbRun = async (context, _words, options) => {
  const reloaded = await reloadGateway(gatewayAt(context, options));
  context.out.line(`  ${reloaded.url} has taken it up.`);
  context.out.result(reloaded);
};
