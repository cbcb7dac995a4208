/** What a load costs a month on each target, by the prices of loam.yaml where it has some. */
import { type MonthlyCost, type MonthlyLoad, monthlyCost, pricedTargets } from "../../../deploy/index.ts";
import { wrongArgument } from "../../errors.ts";
import { projectOrNone } from "../../models/index.ts";
import type { Workplace } from "../../workspace.ts";

/** Defaults: one sequence at once, 1 GB, 1 vCPU, a peak of three times the mean. */
export interface DeployCostOptions extends Pick<MonthlyLoad, "requests" | "tokens" | "tokensPerSecond"> {
  readonly slots?: number | undefined;
  readonly memoryGb?: number | undefined;
  readonly vcpus?: number | undefined;
  readonly peak?: number | undefined;
}

export interface DeploymentCost {
  readonly load: MonthlyLoad;
  /** The cheapest first, unknown ones last. */
  readonly targets: readonly MonthlyCost[];
}

/** Errors: project/argument for numbers that are not positive. */
export async function deploymentCost({ folder }: Workplace, options: DeployCostOptions): Promise<DeploymentCost> {
  const { requests, tokens, tokensPerSecond, slots = 1, memoryGb = 1, vcpus = 1, peak = 3 } = options;
  const load: MonthlyLoad = { requests, tokens, tokensPerSecond, slots, memoryGb, vcpus, peak };
  for (const [name, value] of Object.entries(load))
    if (!(value > 0 && Number.isFinite(value))) throw wrongArgument(`deploy cost: ${name}`, "a number above 0", String(value));
  const own = projectOrNone(folder)?.config.deploy.prices ?? {};
  const targets = pricedTargets.map(t => monthlyCost(t, load, own));
  return { load, targets: targets.sort((a, b) => (a.dollars ?? Number.POSITIVE_INFINITY) - (b.dollars ?? Number.POSITIVE_INFINITY)) };
}
