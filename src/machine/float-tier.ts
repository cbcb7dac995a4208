/** Tiers of instructions over vectors of floats: kernels that need no more are written once for both. */
import { Assembler } from "./assembler.ts";
import { Avx2Assembler } from "./avx2/avx2-assembler.ts";
import { type MachineTier, usableFeatures } from "./features.ts";

const floatTiers = ["avx2", "avx512"] as const;
export type FloatTier = (typeof floatTiers)[number];

/** The vectors that a tier's processors have: the later tiers add products alone. */
export const floatTierOf = (tier: MachineTier): FloatTier => (tier === "avx2" ? "avx2" : "avx512");

/** The widest vectors of floats that code may be made for; undefined where there are none. Errors: as `usableFeatures`. */
export function usableFloatTier(): FloatTier | undefined {
  const { wide256, wide512 } = usableFeatures();
  return wide512 ? "avx512" : wide256 ? "avx2" : undefined;
}

export const floatAssembler = (tier: FloatTier): Assembler => (tier === "avx2" ? new Avx2Assembler() : new Assembler());
