/** Products of matrices by the code of the highest tier that may be used. */
import { amxProductCode } from "./amx/amx-product.ts";
import { avx2PanelColumns, avx2ProductCode } from "./avx2/avx2-product.ts";
import { usableFeatures } from "./features.ts";
import type { KernelCode } from "./kernel-code.ts";
import { productCode } from "./products/product-code.ts";
import { type ProductForm, type ProductShape, panelColumns } from "./products/product-shape.ts";

/** Tiers with code of their own for products; that for `avx512` multiplies pairs of bf16, too, where the processor does. */
const productTiers = ["avx2", "avx512", "amx"] as const;
export type ProductTier = (typeof productTiers)[number];

/** What code may be made for; undefined where none. Errors: as `usableFeatures`. */
export function usableProductTier(form: ProductForm): ProductTier | undefined {
  const { wide256, wide512, amx } = usableFeatures();
  if (amx && form === "bf16") return "amx";
  return wide512 ? "avx512" : wide256 ? "avx2" : undefined;
}

/** The form that products wanted in f32 or bf16 have on this processor; undefined where no code is made for them. Errors: as `usableFeatures`. */
export function productFormOf(wanted: "f32" | "bf16"): ProductForm | undefined {
  const { wide256, bf16 } = usableFeatures();
  if (!wide256) return undefined;
  return wanted === "f32" ? "f32" : bf16 ? "bf16" : "rounded";
}

/** Columns that a tier fills its panels up to. */
export const tierPanelColumns: Readonly<Record<ProductTier, number>> = { avx2: avx2PanelColumns, avx512: panelColumns, amx: 16 };

/** The code for products of one shape on a tier that takes its form. */
export function tierProductCode(tier: ProductTier, s: ProductShape): KernelCode {
  if (tier === "avx2") return avx2ProductCode(s);
  if (tier === "amx") return amxProductCode(s);
  const { code, packAt, multiplyAt, packItems, multiplyItems, scratchBytes } = productCode(s);
  return {
    code,
    kernels: [
      { at: packAt, items: packItems },
      { at: multiplyAt, items: multiplyItems },
    ],
    scratchBytes,
  };
}
