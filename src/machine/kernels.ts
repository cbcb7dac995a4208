/** The kernels and the tiers that each has code for. The reference suite runs every one on every tier that the processor has. */
import type { MachineTier } from "./features.ts";

export const machineKernels = {
  /** Matrix products in float32; operands rounded to bf16 are multiplied in pairs where the processor has such products. */
  product: ["avx512", "bf16"],
  /** Matrix products in float32 on half the lanes. */
  avx2Product: ["avx2"],
  /** Matrix products of bf16 in tiles. */
  tileProduct: ["amx"],
  /** Matrix products in seven parts. */
  strassen: ["avx512"],
  /** Attention over whole texts. */
  attention: ["avx512"],
  /** Attention over a cache of f16, and what fills it. */
  cachedAttention: ["avx512"],
  /** Chains of operations on elements. */
  elements: ["avx512"],
  /** Rows added to a table, and sums of squares. */
  sums: ["avx2", "avx512"],
  /** Rows of floats as bytes. */
  roundRows: ["avx512"],
  /** Products of bytes. */
  byteProduct: ["vnni"],
} as const satisfies Record<string, readonly MachineTier[]>;
export type MachineKernel = keyof typeof machineKernels;
