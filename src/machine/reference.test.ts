/** The reference suite: every kernel on every tier of instructions that this processor has, against the same arithmetic in plain TypeScript. */
import { describe, expect, test } from "vitest";
import { emulatedTileLaws, tileProductLaws } from "./amx/amx-product.laws.ts";
import { attentionLaws } from "./attention/attention.laws.ts";
import { avx2ProductLaws } from "./avx2/avx2-product.laws.ts";
import { cachedAttentionLaws } from "./cached-attention/attend.laws.ts";
import { elementsLaws } from "./elementwise/elements.laws.ts";
import { hasTier, type MachineTier, machineTiers } from "./features.ts";
import { type MachineKernel, machineKernels } from "./kernels.ts";
import { productLaws } from "./products/product.laws.ts";
import { strassenLaws } from "./products/strassen.laws.ts";
import { byteProductLaws } from "./quantised/quantised-product.laws.ts";
import { roundRowsLaws } from "./quantised/round-rows.laws.ts";
import { sumsLaws } from "./sums/sums.laws.ts";

const laws: { readonly [K in MachineKernel]: (tier: MachineTier) => void } = {
  product: productLaws,
  avx2Product: avx2ProductLaws,
  tileProduct: tileProductLaws,
  strassen: strassenLaws,
  attention: attentionLaws,
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

describe("tileProduct, emulated", emulatedTileLaws);

test("every tier has a kernel", () => {
  expect([...new Set(Object.values(machineKernels).flat())].sort()).toEqual([...machineTiers].sort());
});
