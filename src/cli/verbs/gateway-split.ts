/** `loam gateway split`: how a model's requests are divided among its targets, and a change of it. */
import { splitTraffic } from "../../project/gateway/index.ts";
import { gatewayAt } from "../gateway-place.ts";
import type { VerbRun } from "../verb.ts";

export const gatewaySplit: VerbRun = async (context, [name = "", ...pairs], options) => {
  const { out } = context;
  const weights = pairs.filter(p => p !== undefined);
  const split = await splitTraffic(gatewayAt(context, options), name, weights);
  for (const s of split.targets)
    out.line(
      `  ${s.target.padEnd(32)} weight ${String(s.weight).padStart(6)}  ${(s.share * 100).toFixed(1).padStart(5)} %${s.priority > 0 ? `  priority ${s.priority}` : ""}`,
    );
  if (split.strategy !== "weighted" && split.sticky === "none")
    out.line(`  The strategy is ${split.strategy}: weights are not shares of requests there.`);
  out.result(split);
};
