/** Random adapters of the tests' tiny model. */
import { random } from "../../base/index.ts";
import { type Adapter, adapterOf, projectionSizes } from "../../nn/index.ts";
import { tinyConfig } from "../fakes.ts";

export function randomAdapter(seed: string, rank = 4): Adapter {
  const r = random(seed);
  const numbers = (n: number) => Float32Array.from({ length: n }, () => 0.3 * r.normal());
  const sizes = [...projectionSizes(tinyConfig)];
  const layers = Array.from({ length: tinyConfig.layers }, () =>
    Object.fromEntries(sizes.map(([p, { input, output }]) => [p, { rank, down: numbers(rank * input), up: numbers(rank * output) }])),
  );
  return adapterOf(tinyConfig, layers);
}
