/**
 * What a load costs a month. Two ways of billing: by the seconds that requests run (Lambda: one request an instance; Cloud Run: as many as there are slots),
 * and by instances that are always on, as many as the peak needs. Traffic, storage, logs and free tiers are not counted.
 */
import type { CloudRates, PricedTarget } from "./part.ts";
import { cloudPrices } from "./prices.ts";

export interface MonthlyLoad {
  readonly requests: number;
  /** Completion tokens a request. */
  readonly tokens: number;
  /** Tokens a second of one instance, all its sequences together. */
  readonly tokensPerSecond: number;
  /** Sequences that it decodes at once to reach them. */
  readonly slots: number;
  readonly memoryGb: number;
  readonly vcpus: number;
  /** Busiest hour over the mean. */
  readonly peak: number;
}

export interface MonthlyCost {
  readonly target: PricedTarget;
  /** US dollars; null where no rate is known. */
  readonly dollars: number | null;
  /** Seconds that are billed, of all instances. */
  readonly billedSeconds: number | null;
  /** Always on; null where instances come and go with requests. */
  readonly instances: number | null;
  readonly pricesOf: { readonly date: string; readonly region: string; readonly source: string } | null;
}

/** Of 365.25 days a year. */
const hoursAMonth = 730.5;
const secondsAMonth = 3600 * hoursAMonth;

/** Seconds that requests run: one after the other at the speed of one sequence, or all slots together. */
const requestSeconds = ({ requests, tokens, tokensPerSecond, slots }: MonthlyLoad, isShared: boolean): number =>
  (requests * tokens) / (isShared ? tokensPerSecond : tokensPerSecond / slots);

export const instancesFor = ({ requests, tokens, tokensPerSecond, peak }: MonthlyLoad): number =>
  Math.max(1, Math.ceil((peak * requests * tokens) / secondsAMonth / tokensPerSecond));

const all = (rates: CloudRates, load: MonthlyLoad, seconds: number): number =>
  seconds * ((rates.perGbSecond ?? 0) * load.memoryGb + (rates.perVcpuSecond ?? 0) * load.vcpus) +
  ((rates.perMillionRequests ?? 0) * load.requests) / 1e6;
const hourly = (rates: CloudRates, load: MonthlyLoad): number =>
  (rates.perHour ?? 0) + (rates.perVcpuHour ?? 0) * load.vcpus + (rates.perGbHour ?? 0) * load.memoryGb;

/** Which targets bill requests, and whether an instance answers several at once. */
const byRequest: { readonly [T in PricedTarget]?: { readonly isShared: boolean } } = {
  lambda: { isShared: false },
  "cloud-run": { isShared: true },
};

/** The cost on a target; rates of loam.yaml replace the built-in ones, all of a target at once. */
export function monthlyCost(target: PricedTarget, load: MonthlyLoad, own: Partial<Record<PricedTarget, CloudRates>> = {}): MonthlyCost {
  const known = cloudPrices[target];
  const rates = own[target] ?? known?.rates;
  const pricesOf = own[target]
    ? { date: "now", region: "yours", source: "loam.yaml" }
    : known && { date: known.date, region: known.region, source: known.source };
  const request = byRequest[target];
  if (request) {
    const billedSeconds = requestSeconds(load, request.isShared);
    return { target, dollars: rates ? all(rates, load, billedSeconds) : null, billedSeconds, instances: null, pricesOf };
  }
  const instances = instancesFor(load);
  return { target, dollars: rates ? instances * hoursAMonth * hourly(rates, load) : null, billedSeconds: null, instances, pricesOf };
}
