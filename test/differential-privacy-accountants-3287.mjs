import { epsilonOf, noiseFor } from "../src/governance/index.ts";

const noise = noiseFor({ epsilon: 8, delta: 1e-5, rate: 0.02, steps: 500 });
export const found = {
  noise,
  epsilon: epsilonOf([{ rate: 0.02, noise, steps: 500 }], 1e-5),
  rdp: epsilonOf([{ rate: 0.02, noise, steps: 500 }], 1e-5, "rdp"),
};
