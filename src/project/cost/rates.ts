/** What core-seconds are charged at: a price and a power, from `prices:` in loam.yaml, flags over it, and the dated table below it. */
import { type CorePrice, type CorePricesPart, corePrices, defaultAssumptions, type EnergyAssumptions } from "../../ledger/index.ts";

export interface CostRates extends EnergyAssumptions {
  readonly price: CorePrice;
}

/** What a call says over loam.yaml. */
export interface RateOptions {
  /** Class of machine. */
  readonly machine?: CorePricesPart["machine"] | undefined;
  readonly usdPerCoreHour?: number | undefined;
}

/** A class that is named has the table's price, whatever loam.yaml says of its own machine. */
export function costRatesOf(part: CorePricesPart, { machine, usdPerCoreHour }: RateOptions = {}): CostRates {
  const own = usdPerCoreHour ?? (machine === undefined ? part.usdPerCoreHour : undefined);
  const listed = corePrices[machine ?? part.machine];
  const source = usdPerCoreHour === undefined ? "prices.usdPerCoreHour in loam.yaml" : "the price that was given";
  return {
    price: own === undefined ? listed : { usdPerCoreHour: own, date: "", kind: "given", source },
    wattsPerCore: part.wattsPerCore ?? defaultAssumptions.wattsPerCore,
    pue: part.pue ?? defaultAssumptions.pue,
  };
}
