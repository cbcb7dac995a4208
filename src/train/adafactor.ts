/**
 * Adafactor (Shazeer & Stern 2018, algorithms 4 and 5) without momentum: the second moment of a matrix is kept as the means of its rows and of its columns,
 * so the state of [R, C] is R + C numbers. Updates are clipped by their root mean square.
 */
import { add, div, maximum, mean, mul, type Shape, sqrt, sub, type Tensor } from "../tensor/index.ts";
import type { Rule } from "./optimizer.ts";

export interface AdafactorOptions {
  /** Root mean square above which an update is scaled down. */
  readonly clipThreshold?: number;
  /** The decay of the second moment at step t is 1 - t^-decayPower. */
  readonly decayPower?: number;
  /** Steps relative to a parameter's own root mean square, of min(rate, 1 / sqrt(t)). */
  readonly relative?: boolean;
  readonly weightDecay?: number;
  readonly rateFactor?: number;
}

/** Added to squared gradients, so that rows of zeros divide by no zero. */
const epsilon1 = 1e-30;
/** Least root mean square of a parameter with relative steps: what starts at zero moves, too. */
const epsilon2 = 1e-3;

const rms = (x: Tensor): Tensor => sqrt(mean(mul(x, x)));
const factored = (shape: Shape): boolean => shape.length >= 2;

export function adafactor(options: AdafactorOptions = {}): Rule {
  const { clipThreshold = 1, decayPower = 0.8, relative = false, weightDecay = 0.1, rateFactor = 1 } = options;
  return {
    name: "adafactor",
    state: ({ shape, dtype }) =>
      factored(shape)
        ? {
            rows: { shape: [...shape.slice(0, -1), 1], dtype },
            columns: { shape: [...shape.slice(0, -2), 1, shape.at(-1)!], dtype },
          }
        : { second: { shape, dtype } },
    scalars: ({ rate, step }) => {
      const own = rateFactor * rate;
      return {
        adafactorRate: relative ? Math.min(own, 1 / Math.sqrt(step)) : own,
        adafactorFresh: step ** -decayPower,
        adafactorKeep: 1 - own * weightDecay,
      };
    },
    update({ value, gradient, gradientScale, state, scalars, decays }) {
      const g = mul(gradient, gradientScale);
      const square = add(mul(g, g), epsilon1);
      const fresh = scalars.adafactorFresh!;
      const next = (before: Tensor, now: Tensor): Tensor => add(before, mul(sub(now, before), fresh));
      const { rows, columns, second } = state;
      const after: Record<string, Tensor> = {};
      let update: Tensor;
      if (rows && columns) {
        after.rows = next(rows, mean(square, [-1], true));
        after.columns = next(columns, mean(square, [-2], true));
        // V = rows columns / mean(rows). One factor after the other: the product of two tiny ones would be zero
        const share = div(after.rows, mean(after.rows, [-2], true));
        update = div(div(g, sqrt(share)), sqrt(after.columns));
      } else {
        after.second = next(second!, square);
        update = div(g, sqrt(after.second));
      }
      const rate = relative ? mul(maximum(rms(value), epsilon2), scalars.adafactorRate!) : scalars.adafactorRate!;
      const scaled = div(rate, maximum(div(rms(update), clipThreshold), 1));
      const kept = decays && weightDecay ? mul(value, scalars.adafactorKeep!) : value;
      return { value: sub(kept, mul(update, scaled)), state: after };
    },
  };
}
