/** What LiteLLM's file says of prices and tags, in the gateway's words. */
import { defined } from "../../../base/index.ts";

type Row = Readonly<Record<string, unknown>>;

/** Currency for one token there, for a million here. */
const perMillion = (v: unknown): number | undefined => (typeof v === "number" && v >= 0 ? Math.round(v * 1e6 * 1e9) / 1e9 : undefined);

/** Keys that are read here, of `litellm_params` and of `model_info`. */
export const priceKeys = ["input_cost_per_token", "output_cost_per_token", "cache_read_input_token_cost"] as const;

/** Of `litellm_params`, or else of `model_info`; undefined where neither says anything. */
export function priceOfDeployment(params: Row, info: Row | undefined): Record<string, number> | undefined {
  const read = (key: (typeof priceKeys)[number]) => perMillion(params[key] ?? info?.[key]);
  const [input, output, cachedInput] = priceKeys.map(read);
  if (input === undefined && output === undefined) return undefined;
  return { input: input ?? 0, ...defined({ cachedInput }), output: output ?? 0 };
}

const form = /^[A-Za-z0-9][A-Za-z0-9._:/-]{0,63}$/;

/** Tags of a deployment, and those that have another form than here. */
export function tagsOfDeployment(params: Row): { readonly tags: readonly string[]; readonly odd: readonly string[] } {
  const all = Array.isArray(params.tags) ? params.tags.filter(t => typeof t === "string") : [];
  return { tags: all.filter(t => form.test(t)), odd: all.filter(t => !form.test(t)) };
}

/** With tag filtering on: a request with a tag goes to the deployments that have it. */
export const rulesOfTags = (targets: readonly Row[]): readonly Row[] =>
  [...new Set(targets.flatMap(t => (t.tags as readonly string[] | undefined) ?? []))]
    .filter(tag => tag !== "default")
    .map(tag => ({ name: tag, when: { tags: [tag] }, use: [tag] }));
