/** What chooses trials and what ends them early, by the names of `loam.yaml`. */
import { ashaPruner, hyperbandPruner, medianPruner, noPruner, type Pruner } from "../search/pruners.ts";
import { cmaEsSampler } from "../search/samplers/cma-es.ts";
import { gpSampler } from "../search/samplers/gp.ts";
import { gridSampler } from "../search/samplers/grid.ts";
import { haltonSampler } from "../search/samplers/halton.ts";
import { randomSampler } from "../search/samplers/random.ts";
import type { Sampler } from "../search/samplers/sampler.ts";
import { tpeSampler } from "../search/samplers/tpe.ts";
import type { PrunerName, SamplerName } from "./part.ts";

/** Samplers by name; a new one is a row. */
export const samplers = {
  tpe: () => tpeSampler(),
  gp: () => gpSampler(),
  "cma-es": () => cmaEsSampler,
  random: () => randomSampler,
  halton: () => haltonSampler,
  grid: () => gridSampler(),
} as const satisfies Record<SamplerName, () => Sampler>;

/** The first report at which trials are compared: before it, rates are still warming up. */
const first = (most: number): number => Math.max(1, Math.floor(most / 8));

/** Pruners by name, for trials that report `most` times; a new one is a row. */
export const pruners = {
  none: () => noPruner,
  median: (most: number) => medianPruner({ warmup: first(most) - 1 }),
  asha: (most: number) => ashaPruner({ least: first(most) }),
  hyperband: (most: number) => hyperbandPruner({ least: first(most), most }),
} as const satisfies Record<PrunerName, (most: number) => Pruner>;
