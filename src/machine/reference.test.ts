/** The reference suite: every kernel on every tier of instructions that this processor has, against the same arithmetic in plain TypeScript. */
import { describe, expect, test } from "vitest";
import { attentionLaws } from "./attention/attention.laws.ts";
import { flashLaws } from "./attention/flash.laws.ts";
import { cachedAttentionLaws } from "./cached-attention/attend.laws.ts";
import { elementsLaws } from "./elementwise/elements.laws.ts";
import { hasTier, type MachineTier, machineTiers, usableFeatures } from "./features.ts";
import { type MachineKernel, machineKernels } from "./kernels.ts";
import { productLaws } from "./products/product.laws.ts";
import { strassenLaws } from "./products/strassen.laws.ts";
import { byteProductLaws } from "./quantised/quantised-product.laws.ts";
import { roundRowsLaws } from "./quantised/round-rows.laws.ts";
import { sumsLaws } from "./sums/sums.laws.ts";

const laws: { readonly [K in MachineKernel]: (tier: MachineTier) => void } = {
  product: productLaws,
  strassen: strassenLaws,
  attention: attentionLaws,
  flashAttention: flashLaws,
  cachedAttention: cachedAttentionLaws,
  elements: elementsLaws,
  sums: sumsLaws,
  roundRows: roundRowsLaws,
  byteProduct: byteProductLaws,
};

for (const [kernel, tiers] of Object.entries(machineKernels) as [MachineKernel, readonly MachineTier[]][])
  for (const tier of tiers) {
    const why = hasTier(tier) ? "" : ` (skipped: no Linux on a processor with ${tier})`;
    describe.skipIf(!hasTier(tier))(`${kernel} on ${tier}${why}`, () => laws[kernel](tier));
  }

test("every tier has a kernel, and no code is made for any where LOAM_MACHINE_CODE=off", () => {
  expect([...new Set(Object.values(machineKernels).flat())].sort()).toEqual([...machineTiers].sort());
  const before = process.env.LOAM_MACHINE_CODE;
  process.env.LOAM_MACHINE_CODE = "off";
  expect(usableFeatures()).toEqual({ wide512: false, vnni512: false, bf16: false });
  if (before === undefined) delete process.env.LOAM_MACHINE_CODE;
  else process.env.LOAM_MACHINE_CODE = before;
});
