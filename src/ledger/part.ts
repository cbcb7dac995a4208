/** The `prices:` part of `loam.yaml`: schemas alone. */
import { z } from "zod";
import { machineClasses } from "./prices.ts";

export const corePricesPart = z.strictObject({
  machine: z.enum(machineClasses).default("cloud").describe("Class of machine whose price and power a core-hour is charged at."),
  usdPerCoreHour: z
    .number()
    .min(0)
    .optional()
    .meta({ description: "US dollars per core-hour. Default: the machine class's, from the dated price table.", examples: [0.03] }),
  wattsPerCore: z
    .number()
    .positive()
    .optional()
    .describe("Watts per busy core, where the processor's energy counters cannot be read. Default: 12."),
  pue: z.number().min(1).optional().describe("Power usage effectiveness of the site. Default: 1.67."),
});
export type CorePricesPart = z.output<typeof corePricesPart>;
