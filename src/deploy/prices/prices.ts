/**
 * List prices of clouds as data, each with its date, region and source, in US dollars; free tiers, discounts, storage and traffic are left out. A target
 * without rates here (`sagemaker`, `vm`) is one whose sources disagreed or that depends on the machine: loam.yaml sets it. Prices age: check them.
 */
import type { CloudRates, PricedTarget } from "./part.ts";

interface CloudPrice {
  readonly rates: CloudRates;
  /** When the source stated them. */
  readonly date: string;
  readonly region: string;
  readonly source: string;
}

export const cloudPrices: { readonly [T in PricedTarget]: CloudPrice | null } = {
  lambda: {
    rates: { perGbSecond: 0.0000166667, perMillionRequests: 0.2 },
    date: "2026-05-11",
    region: "us-east-1, x86-64, first 6 billion GB-seconds",
    source:
      "https://git.mcrn.ar/mariano/lambda_local_runner (lambda-13-cost.md); the same in https://cloudchipr.com/blog/aws-lambda-pricing",
  },
  fargate: {
    rates: { perVcpuHour: 0.04048, perGbHour: 0.004445 },
    date: "2026-03-10",
    region: "us-east-1, Linux, x86-64",
    source: "https://www.wring.co/blog/aws-fargate-pricing-guide; the same in https://www.vantage.sh/blog/fargate-pricing",
  },
  "cloud-run": {
    rates: { perVcpuSecond: 0.000024, perGbSecond: 0.0000025, perMillionRequests: 0.4 },
    date: "2025",
    region: "tier 1, billed by request",
    source: "https://cloud.google.com/run/pricing (undated copy); the same in https://cloudchipr.com/blog/cloud-run-pricing of 2025",
  },
  sagemaker: null,
  vm: null,
};
