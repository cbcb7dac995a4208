/** Lion (Chen et al. 2023, "Symbolic discovery of optimization algorithms", algorithm 2): steps by the sign of an interpolated momentum. One state array. */
import { add, mul, sign, sub } from "../tensor/index.ts";
import { likeParameter, type Rule } from "./optimizer.ts";

export interface LionOptions {
  /** Weight of the momentum in the direction of a step. */
  readonly beta1?: number;
  /** Decay of the momentum. */
  readonly beta2?: number;
  readonly weightDecay?: number;
  readonly rateFactor?: number;
}

export function lion(options: LionOptions = {}): Rule {
  const { beta1 = 0.9, beta2 = 0.99, weightDecay = 0.5, rateFactor = 1 } = options;
  return {
    name: "lion",
    state: likeParameter("momentum"),
    scalars: ({ rate }) => ({ lionRate: rateFactor * rate, lionKeep: 1 - rateFactor * rate * weightDecay }),
    update({ value, gradient, gradientScale, state, scalars, decays }) {
      const momentum = state.momentum!;
      const direction = sign(add(mul(momentum, beta1), mul(gradient, mul(gradientScale, 1 - beta1))));
      const kept = decays && weightDecay ? mul(value, scalars.lionKeep!) : value;
      return {
        value: sub(kept, mul(direction, scalars.lionRate!)),
        state: { momentum: add(mul(momentum, beta2), mul(gradient, mul(gradientScale, 1 - beta2))) },
      };
    },
  };
}
