/** `loam deploy cost`: dollars a month by target. */
import { deploymentCost } from "../../project/deploying/index.ts";
import { wrongArgument } from "../../project/index.ts";
import { columns } from "../columns.ts";
import { numberOption } from "../options.ts";
import type { Options, VerbRun } from "../verb.ts";
import { workplaceOf } from "../verb-folder.ts";

const positive = (options: Options, key: string): number | undefined =>
  numberOption(options, key, "deploy cost", { least: Number.MIN_VALUE, most: 1e15 });

function needed(options: Options, key: string, flag: string): number {
  const value = positive(options, key);
  if (value === undefined) throw wrongArgument("loam deploy cost", flag, "none");
  return value;
}

export const deployCostVerb: VerbRun = async (context, _, options) => {
  const { out } = context;
  const cost = await deploymentCost(workplaceOf(context, options), {
    requests: needed(options, "requests", "--requests COUNT"),
    tokens: needed(options, "tokens", "--tokens COUNT"),
    tokensPerSecond: needed(options, "tokensPerSecond", "--tokens-per-second RATE"),
    slots: positive(options, "slots"),
    memoryGb: positive(options, "memory"),
    vcpus: positive(options, "vcpus"),
    peak: positive(options, "peak"),
  });
  const rows = cost.targets.map(({ target, dollars, billedSeconds, instances, pricesOf }) => [
    target,
    pricesOf ? `${pricesOf.date}, ${pricesOf.region}` : `no price: set deploy.prices.${target}`,
    billedSeconds === null ? `${instances} instance${instances === 1 ? "" : "s"}` : `${Math.round(billedSeconds)} s billed`,
    dollars === null ? "unknown" : `$${dollars.toFixed(2)}`,
  ]);
  out.line(columns([["target", "prices of", "billed", "a month"], ...rows], 2));
  out.line("  without traffic, storage, logs, free tiers and discounts");
  out.result(cost);
};
