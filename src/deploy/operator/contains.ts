/** Whether an object already says all that an applied one would say: the API server fills in defaults, and other managers own other fields. */

const units: Readonly<Record<string, number>> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  "": 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
};

/** A quantity as a number; undefined where the text is none. The API server writes `1000m` as `1`. */
export function quantityOf(value: unknown): number | undefined {
  const found = /^([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)(n|u|m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)?$/.exec(String(value));
  return found ? Number(found[1]) * units[found[2] ?? ""]! : undefined;
}

const isSameScalar = (have: unknown, want: unknown): boolean => {
  if (have === want) return true;
  // a quantity, which the server writes in its own form
  const quantities = [have, want].map(v => (typeof v === "string" || typeof v === "number" ? quantityOf(v) : undefined));
  return typeof have === "string" && quantities[0] !== undefined && quantities[0] === quantities[1];
};

/** Lists that Kubernetes merges by `name` or `type`: what others added to them stays. */
const keyOf = (item: unknown): string | undefined => {
  if (typeof item !== "object" || item === null) return undefined;
  const { name } = item as { readonly name?: unknown };
  return typeof name === "string" ? name : undefined;
};

export function containsAll(have: unknown, want: unknown): boolean {
  if (Array.isArray(want)) {
    if (!Array.isArray(have)) return false;
    if (want.length > 0 && want.every(w => keyOf(w) !== undefined))
      return want.every(w => have.some(h => keyOf(h) === keyOf(w) && containsAll(h, w)));
    return have.length === want.length && want.every((w, i) => containsAll(have[i], w));
  }
  if (typeof want === "object" && want !== null) {
    if (typeof have !== "object" || have === null) return Object.keys(want).length === 0;
    return Object.entries(want).every(([key, value]) => value === undefined || containsAll((have as Record<string, unknown>)[key], value));
  }
  return isSameScalar(have, want);
}
