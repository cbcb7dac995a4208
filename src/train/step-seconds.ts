/** Processor time of a recipe's steps, measured on a few of them. */
import type { DecoderConfig } from "../nn/index.ts";
import type { Device } from "../tensor/index.ts";
import type { TokenShards } from "./packing.ts";
import type { PretrainRecipe } from "./part.ts";
import { trainerOptions, trainSource } from "./pretrain.ts";
import { createTrainer } from "./trainer.ts";

export interface StepSeconds {
  /** Processor seconds of all threads per trained token. */
  readonly perToken: number;
  /** Processor seconds before the second step: programs are built. */
  readonly beginning: number;
}

const cpuSeconds = (since?: NodeJS.CpuUsage): number => {
  const { user, system } = process.cpuUsage(since);
  return (user + system) / 1e6;
};

/** Steps that are timed. */
const timed = 3;

export async function stepSeconds(o: {
  readonly device: Device;
  readonly model: DecoderConfig;
  readonly recipe: PretrainRecipe;
  readonly train: TokenShards;
  readonly end: number;
  readonly signal?: AbortSignal;
}): Promise<StepSeconds> {
  const { batch: _, noiseScale: __, ...recipe } = o.recipe;
  const began = process.cpuUsage();
  const trainer = await createTrainer({ ...trainerOptions({ device: o.device, model: o.model, recipe }), steps: timed + 1, spike: 0 });
  try {
    const source = trainSource({ recipe, train: o.train, end: o.end });
    const step = () =>
      trainer.step(
        Array.from({ length: recipe.accumulate }, () => source.next()),
        o.signal,
      );
    await step();
    const beginning = cpuSeconds(began);
    const from = process.cpuUsage();
    for (let i = 0; i < timed; i++) await step();
    const perToken = cpuSeconds(from) / (timed * recipe.rows * recipe.length * recipe.accumulate);
    return { perToken, beginning };
  } finally {
    trainer.dispose();
  }
}
