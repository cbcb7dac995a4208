/** `deploy.prices` of `loam.yaml`: rates that replace the built-in ones, in US dollars. */
import { z } from "zod";

export const pricedTargets = ["lambda", "fargate", "cloud-run", "sagemaker", "vm"] as const;
export type PricedTarget = (typeof pricedTargets)[number];

const rate = z.number().min(0);
export const ratesSchema = z.strictObject({
  perGbSecond: rate.optional().describe("Memory while a request runs, a GB and second."),
  perVcpuSecond: rate.optional().describe("Processor while a request runs, a vCPU and second."),
  perMillionRequests: rate.optional().describe("Requests, a million."),
  perVcpuHour: rate.optional().describe("Processor that is always on, a vCPU and hour."),
  perGbHour: rate.optional().describe("Memory that is always on, a GB and hour."),
  perHour: rate.optional().describe("An instance that is always on, an hour."),
});
export type CloudRates = z.output<typeof ratesSchema>;

/** By target; `sagemaker` and `vm` have no built-in rates. */
export const pricesPart = z.partialRecord(z.enum(pricedTargets), ratesSchema);
