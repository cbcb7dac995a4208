/** Whole steps on a PJRT device, update included, beside Loam's own engine: the losses of 20 steps by each optimiser. */
import { expect, test } from "vitest";
import { lacksPjrt, pjrtReason } from "../../test/support/pjrt.ts";
import { openDevice } from "../tensor/index.ts";
import { trainerOptions, trainSource } from "./pretrain.ts";
import { toyEnd, toyModel, toyRecipe, toyShards } from "./toy.laws.ts";
import { createTrainer } from "./trainer.ts";

const steps = 20;

async function lossesOn(name: "cpu" | "pjrt:cpu", kind: "muon" | "adamw"): Promise<number[]> {
  const rate = kind === "muon" ? 0.02 : 0.003;
  const o = {
    device: openDevice(name, { threads: 1 }),
    model: toyModel,
    recipe: toyRecipe({ optimizer: { kind }, rate }),
    train: toyShards("train", 300),
    end: toyEnd,
  };
  const trainer = await createTrainer(trainerOptions(o));
  const source = trainSource(o);
  const losses: number[] = [];
  for (let step = 0; step < steps; step++) losses.push((await trainer.step([source.next()])).loss);
  trainer.dispose();
  return losses;
}

test.skipIf(lacksPjrt !== undefined).each(["muon", "adamw"] as const)(
  `losses of ${steps} steps by XLA are those of Loam's engine within 1e-4, with %s${pjrtReason}`,
  async kind => {
    const [own, xla] = [await lossesOn("cpu", kind), await lossesOn("pjrt:cpu", kind)];
    expect(own.at(-1)!).toBeLessThan(0.8 * own[0]!);
    for (const [i, loss] of own.entries()) expect(Math.abs(xla[i]! / loss - 1), `step ${i + 1}`).toBeLessThan(1e-4);
  },
);
