/** Positive values by bucket of a logarithmic scale, 3 % wide, and always-valid bounds of their quantiles. */

const growth = Math.log(1.03);
/** Of value 1. Buckets are whole numbers from 0, so that objects list them in order. */
const middle = 700;

export const valueBucket = (value: number): number =>
  value <= 0 ? 0 : Math.max(0, Math.min(2 * middle, middle + Math.floor(Math.log(value) / growth)));
/** The bucket's middle on the logarithmic scale; its ends are half a width away. */
export const bucketValue = (bucket: number, edge: "low" | "middle" | "high" = "middle"): number =>
  bucket === 0 ? 0 : Math.exp((bucket - middle + { low: 0, middle: 0.5, high: 1 }[edge]) * growth);

type Buckets = Readonly<Record<string, number>>;

export function addBuckets(into: Record<string, number>, buckets: Buckets, weight: number): void {
  for (const key of Object.keys(buckets)) into[key] = (into[key] ?? 0) + buckets[key]! * weight;
}

/** Least bucket up to which a share of the weight lies; undefined where there is no weight or the share is above 1. */
export function bucketAtShare(buckets: Buckets, share: number): number | undefined {
  const keys = Object.keys(buckets);
  let total = 0;
  for (const key of keys) total += buckets[key]!;
  if (total === 0 || share > 1) return undefined;
  let seen = 0;
  for (const key of keys) {
    seen += buckets[key]!;
    // sums of the same shares in another order differ in their last bits
    if (seen >= share * total - 1e-9) return Number(key);
  }
  return Number(keys.at(-1));
}

/**
 * Bounds of a quantile that hold at all times with a probability of 1 - alpha (Howard and Ramdas 2022, theorem 1 with its suggested constants). A user's share of
 * values below a point varies less than one value, so users count as values. `high` is null where there is none yet.
 */
export function quantileBounds(buckets: Buckets, users: number, quantile: number, alpha: number): [low: number, high: number | null] {
  if (users < 2) return [0, null];
  const rate = (1.4 * Math.log(Math.log(2.1 * users)) + Math.log(10 / alpha)) / users;
  const reach = 1.5 * Math.sqrt(quantile * (1 - quantile) * rate) + 0.8 * rate;
  const low = quantile - reach > 0 ? bucketAtShare(buckets, quantile - reach) : undefined;
  const high = bucketAtShare(buckets, quantile + reach);
  return [low === undefined ? 0 : bucketValue(low, "low"), high === undefined ? null : bucketValue(high, "high")];
}
