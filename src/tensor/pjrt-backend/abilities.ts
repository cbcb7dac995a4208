/** What every PJRT device can do, the one that only records programs among them. */
import type { Capabilities } from "../backend.ts";
import { dtypes } from "../dtype.ts";
import { hloComposites } from "../stablehlo/index.ts";

/** XLA on the processor has no products of 16-bit factors: they are widened first. */
export const widensFactorsOn = (platform: string): boolean => platform === "cpu";

export const pjrtAbilities: Omit<Capabilities, "details"> = {
  name: "pjrt",
  native: hloComposites,
  asynchronous: true,
  inPlace: true,
  ordersReads: true,
  narrows: true,
  halves: true,
  dtypes,
  relativeError: 1e-5,
};
