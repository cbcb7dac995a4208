/**
 * Schedule-free AdamW (Defazio et al. 2024, "The road less scheduled", algorithm 1): no decay of the rate, and an average of all steps instead. There are
 * three sequences: z takes Adam's steps, x is the average of z, and gradients are taken at y = (1 - beta1) z + beta1 x. The parameters are y;
 * x is evaluated and kept as the model. Kept as state is z - y, which starts at zero as every state does.
 */
import { add, div, maximum, mul, sqrt, sub } from "../tensor/index.ts";
import type { Rule } from "./optimizer.ts";

export interface ScheduleFreeOptions {
  /** Weight of the average in the place where gradients are taken. */
  readonly beta1?: number;
  readonly beta2?: number;
  readonly epsilon?: number;
  readonly weightDecay?: number;
  readonly rateFactor?: number;
}

export function scheduleFree(options: ScheduleFreeOptions = {}): Rule {
  const { beta1 = 0.9, beta2 = 0.95, epsilon = 1e-8, weightDecay = 0.1, rateFactor = 1 } = options;
  return {
    name: "scheduleFree",
    state: ({ shape, dtype }) => ({
      offset: { shape, dtype },
      second: { shape, dtype },
      peak: { shape: [], dtype },
      weights: { shape: [], dtype },
    }),
    scalars: ({ rate, step }) => {
      const correction = Math.sqrt(1 - beta2 ** step);
      return { freeRate: rateFactor * rate, freeCorrection: correction, freeEpsilon: epsilon * correction };
    },
    update({ value, gradient, gradientScale, state, scalars, decays }) {
      const { offset, second: before, peak, weights } = state;
      const rate = scalars.freeRate!;
      const second = add(mul(before!, beta2), mul(mul(gradient, gradient), mul(mul(gradientScale, gradientScale), 1 - beta2)));
      const adam = div(mul(gradient, mul(gradientScale, scalars.freeCorrection!)), add(sqrt(second), scalars.freeEpsilon!));
      const step = decays && weightDecay ? add(adam, mul(value, weightDecay)) : adam;
      // steps count by the square of the highest rate so far: those of the warm-up hardly do
      const highest = maximum(peak!, rate);
      const weight = mul(highest, highest);
      const total = add(weights!, weight);
      const share = div(weight, total);
      const rest = sub(1, share);
      // y' = y + share (z - y) - rate (1 - beta1 (1 - share)) step, and z' - y' = (1 - share) (z - y - rate beta1 step)
      const moved = mul(step, mul(rate, sub(1, mul(rest, beta1))));
      return {
        value: sub(add(value, mul(offset!, share)), moved),
        state: { offset: mul(sub(offset!, mul(step, mul(rate, beta1))), rest), second, peak: highest, weights: total },
      };
    },
    // x = y - (z - y) (1 - beta1) / beta1
    evaluated: ({ value, state }) => sub(value, mul(state.offset!, (1 - beta1) / beta1)),
  };
}
