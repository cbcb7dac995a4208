/**
 * What LiteLLM's file says of requests and tokens a minute. There each deployment has its own, by which it is chosen; here a model has a limit, the sum
 * of its deployments', and where LiteLLM would draw by them they are the weights.
 */

/** Keys that are read here, of `litellm_params`. */
export const rateKeys = ["rpm", "tpm"] as const;
type RateKey = (typeof rateKeys)[number];

const measures = { rpm: "requests", tpm: "tokens" } as const satisfies Record<RateKey, string>;

/** A deployment that was taken over. */
export interface RatedDeployment {
  /** In the file. */
  readonly place: string;
  readonly params: Readonly<Record<string, unknown>>;
  readonly target: Record<string, unknown>;
}

const rateOf = ({ params }: RatedDeployment, key: RateKey): number | undefined => {
  const value = params[key];
  return typeof value === "number" && value >= 1 ? Math.floor(value) : undefined;
};

/** A limit as people write it. */
interface ImportedLimit {
  readonly name: string;
  readonly measure: string;
  readonly limit: number;
  readonly window?: string;
  readonly for?: { readonly models: readonly string[] };
}

/** A limit's name, of what letters it may have. */
function limitName(key: RateKey, model: string, taken: readonly ImportedLimit[]): string {
  const slug = model
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .replaceAll(/^-+|-+$/g, "");
  const name = `${key}-${slug}`.slice(0, 58);
  let free = name;
  for (let n = 2; taken.some(t => t.name === free); n++) free = `${name}-${n}`;
  return free;
}

/** Limits of all models; what not every deployment of a model has is listed. */
export function limitsOfRates(
  models: ReadonlyMap<string, readonly RatedDeployment[]>,
  leave: (place: string, why: string) => void,
): ImportedLimit[] {
  const limits: ImportedLimit[] = [];
  for (const [model, deployments] of models)
    for (const key of rateKeys) {
      const rates = deployments.map(d => rateOf(d, key));
      const sum = rates.reduce<number>((s, r) => s + (r ?? 0), 0);
      if (rates.every(r => r !== undefined))
        limits.push({ name: limitName(key, model, limits), measure: measures[key], limit: sum, window: "1m", for: { models: [model] } });
      else
        for (const { place, params } of deployments)
          if (params[key] !== undefined && params[key] !== null)
            leave(`${place}.litellm_params.${key}`, `not every deployment of ${model} has one that is a number: no limit is made of it`);
    }
  return limits;
}

/** LiteLLM's simple shuffle draws by `weight`, else by `rpm`, else by `tpm`. */
export function weighByRates(deployments: readonly RatedDeployment[]): void {
  if (deployments.some(d => d.params.weight !== undefined)) return;
  for (const key of rateKeys) {
    const rates = deployments.map(d => rateOf(d, key));
    if (!rates.every(r => r !== undefined)) continue;
    const least = Math.min(...rates);
    if (rates.some(r => r !== least))
      for (const [i, d] of deployments.entries()) d.target.weight = Math.round((rates[i]! / least) * 1000) / 1000;
    return;
  }
}
