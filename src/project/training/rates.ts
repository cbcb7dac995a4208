/** `loam train rates`: a learning-rate range test of a model's recipe on its own data. */
import { type RatePoint, type RateRange, rateRange } from "../../train/index.ts";
import { progressFor, type Watch } from "../call.ts";
import type { Workspace } from "../workspace.ts";
import { trainingMaterial } from "./material.ts";

export interface RateRangeCall {
  /** First rate; default: a hundredth of the recipe's. */
  readonly from?: number | undefined;
  /** Last rate; default: thirty times the recipe's. */
  readonly to?: number | undefined;
  /** Default: 100. */
  readonly steps?: number | undefined;
}

export interface RateRangeReport extends RateRange {
  readonly model: string;
  /** The recipe's own peak rate. */
  readonly rate: number;
  readonly optimizer: string;
  /** Processor seconds of the test. */
  readonly processorSeconds: number;
}

/** Errors: project/argument, train/recipe; those of the stages before training. */
export async function testRates(
  at: Workspace,
  given: string | undefined,
  { from, to, steps = 100 }: RateRangeCall,
  watch: Watch,
): Promise<RateRangeReport> {
  const { name, model, recipe, train, end, device } = await trainingMaterial(at, given, watch);
  const show = progressFor(watch, "rates");
  const began = process.cpuUsage();
  const range = await rateRange({
    device,
    model,
    recipe,
    train,
    end,
    steps,
    from: from ?? recipe.rate / 100,
    to: to ?? recipe.rate * 30,
    signal: watch.signal,
    onPoint: ({ step, rate, loss }: RatePoint) =>
      show({ stage: "rates", done: step / steps, message: `rate ${rate.toPrecision(2)}  loss ${loss.toFixed(3)}` }),
  });
  const { user, system } = process.cpuUsage(began);
  return { model: name, rate: recipe.rate, optimizer: recipe.optimizer.kind, ...range, processorSeconds: (user + system) / 1e6 };
}
