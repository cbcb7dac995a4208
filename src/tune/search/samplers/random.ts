import { pointAt } from "../space.ts";
import type { Sampler } from "./sampler.ts";

/** Every place alike (Bergstra & Bengio 2012). */
export const randomSampler: Sampler = {
  name: "random",
  suggest: ({ space, draw }) =>
    pointAt(
      space,
      Float64Array.from(Object.keys(space), () => draw.uniform()),
    ),
};
