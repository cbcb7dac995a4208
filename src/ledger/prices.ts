/** What an hour of a core costs, by class of machine: prices with their date and where they come from. A project says its own with `prices:`. */

/** "list": a provider's published price, "estimate": computed from the assumptions that `source` names, "given": the project's own. */
export type PriceKind = "list" | "estimate" | "given";

export interface CorePrice {
  readonly usdPerCoreHour: number;
  /** When the price held, year and month. */
  readonly date: string;
  readonly kind: PriceKind;
  readonly source: string;
}

export const machineClasses = ["cloud", "virtual-server", "own"] as const;
export type MachineClass = (typeof machineClasses)[number];

export const corePrices: { readonly [C in MachineClass]: CorePrice } = {
  cloud: {
    usdPerCoreHour: 0.0408,
    date: "2026-06",
    kind: "list",
    source: "AWS EC2 m7g.large, Linux, on demand, us-east-1: $0.0816 an hour for 2 virtual processors, each a core",
  },
  "virtual-server": {
    usdPerCoreHour: 0.0046,
    date: "2026-06",
    kind: "list",
    source: "Hetzner Cloud cpx32: 0.016 EUR an hour for 4 virtual processors, at 1.15 USD a EUR",
  },
  own: {
    usdPerCoreHour: 0.011,
    date: "2026-06",
    kind: "estimate",
    source:
      "a server of 64 cores for $9,000, written off over 4 years, busy half of the time, and 12 W a core at a PUE of 1.67 and $0.15 a kWh",
  },
};
