/**
 * LiteLLM's `config.yaml` as a gateway's configuration: models and their deployments, aliases, fallbacks, retries, timeouts, strategy. What has no
 * counterpart is listed, never dropped in silence. Secrets stay where they are (`os.environ/NAME` becomes `{ env: NAME }`); one that stands in the
 * file is not copied. The keys are those of LiteLLM's documentation.
 */
import { z } from "zod";
import { gatewayErrors } from "../errors.ts";
import type { ProtocolName } from "../upstreams/protocol.ts";
import { priceKeys, priceOfDeployment, rulesOfTags, tagsOfDeployment } from "./import-litellm-routing.ts";

const loose = z.record(z.string(), z.unknown());
const fallbackList = z.array(z.record(z.string(), z.array(z.string())));
const litellmFile = z.looseObject({
  model_list: z
    .array(
      z.looseObject({
        model_name: z.string(),
        litellm_params: z.looseObject({ model: z.string(), api_base: z.string().optional(), api_key: z.string().optional() }),
        model_info: loose.optional(),
      }),
    )
    .min(1),
  litellm_settings: loose.default({}),
  router_settings: loose.default({}),
  general_settings: loose.default({}),
});

export interface ImportedGateway {
  /** As people write it. */
  readonly config: Readonly<Record<string, unknown>>;
  /** What has no counterpart or was left out, by its place. */
  readonly left: readonly { readonly place: string; readonly why: string }[];
}

interface Provider {
  readonly url?: string;
  readonly env?: string;
  /** OpenAI's when absent. */
  readonly protocol?: ProtocolName;
}

/** Providers whose servers speak a protocol that the gateway speaks, and where they are when the file does not say. */
const providers: Readonly<Record<string, Provider>> = {
  openai: { url: "https://api.openai.com/v1", env: "OPENAI_API_KEY" },
  hosted_vllm: {},
  openai_like: {},
  custom_openai: {},
  litellm_proxy: {},
  lm_studio: {},
  anthropic: { url: "https://api.anthropic.com", env: "ANTHROPIC_API_KEY", protocol: "anthropic" },
  ollama: { url: "http://127.0.0.1:11434", protocol: "ollama" },
  ollama_chat: { url: "http://127.0.0.1:11434", protocol: "ollama" },
  groq: { url: "https://api.groq.com/openai/v1", env: "GROQ_API_KEY" },
  mistral: { url: "https://api.mistral.ai/v1", env: "MISTRAL_API_KEY" },
  deepseek: { url: "https://api.deepseek.com/v1", env: "DEEPSEEK_API_KEY" },
  together_ai: { url: "https://api.together.xyz/v1", env: "TOGETHERAI_API_KEY" },
  fireworks_ai: { url: "https://api.fireworks.ai/inference/v1", env: "FIREWORKS_AI_API_KEY" },
  openrouter: { url: "https://openrouter.ai/api/v1", env: "OPENROUTER_API_KEY" },
  xai: { url: "https://api.x.ai/v1", env: "XAI_API_KEY" },
  perplexity: { url: "https://api.perplexity.ai", env: "PERPLEXITYAI_API_KEY" },
};

const strategies: Readonly<Record<string, string>> = {
  "simple-shuffle": "weighted",
  "least-busy": "leastOutstanding",
  "latency-based-routing": "latency",
  "usage-based-routing": "leastOutstanding",
  "usage-based-routing-v2": "leastOutstanding",
  "cost-based-routing": "cost",
};

const seconds = (v: unknown): string | undefined => (typeof v === "number" && v > 0 ? `${Math.max(1, Math.round(v * 1000))}ms` : undefined);
const readParams = new Set(["model", "api_base", "api_key", "weight", "timeout", "stream_timeout", "order", "tags", ...priceKeys]);
const readRouter = new Set([
  "routing_strategy",
  "num_retries",
  "timeout",
  "allowed_fails",
  "cooldown_time",
  "fallbacks",
  "model_group_alias",
  "enable_tag_filtering",
]);
const readSettings = new Set(["num_retries", "request_timeout", "fallbacks", "default_fallbacks", "drop_params", "set_verbose"]);

/** A server for `provider/model`, one for each address and secret. */
class Upstreams {
  readonly all: Record<string, Record<string, unknown>> = {};
  readonly #ids = new Map<string, string>();

  take(provider: string, part: Record<string, unknown>): string {
    const key = JSON.stringify(part);
    const known = this.#ids.get(key);
    if (known !== undefined) return known;
    let id = provider;
    for (let n = 2; Object.hasOwn(this.all, id); n++) id = `${provider}-${n}`;
    this.all[id] = part;
    this.#ids.set(key, id);
    return id;
  }
}

/** Errors: gateway/config where it is no such file. */
export function importLitellm(value: unknown, place: string): ImportedGateway {
  const result = litellmFile.safeParse(value);
  if (!result.success) {
    const issue = result.error.issues[0]!;
    throw gatewayErrors.fail("config", {
      place: `${place}: ${issue.path.join(".") || "the file"}`,
      message: `this is no config.yaml of LiteLLM (${issue.message})`,
      hint: "Its first key is usually model_list.",
    });
  }
  const file = result.data;
  const left: { place: string; why: string }[] = [];
  const leave = (at: string, why: string) => left.push({ place: at, why });
  const upstreams = new Upstreams();
  /** By target. */
  const prices: Record<string, Record<string, number>> = {};
  const models: Record<string, { targets: Record<string, unknown>[] } & Record<string, unknown>> = {};
  const { router_settings: router, litellm_settings: settings, general_settings: general } = file;

  const failures = router.allowed_fails;
  const open = seconds(router.cooldown_time);
  const breaker =
    typeof failures === "number" || open !== undefined
      ? { breaker: { ...(typeof failures === "number" ? { failures: failures + 1 } : {}), ...(open === undefined ? {} : { open }) } }
      : {};
  for (const [i, entry] of file.model_list.entries()) {
    const at = `model_list[${i}]`;
    const { model_name: name, litellm_params: p } = entry;
    const slash = p.model.indexOf("/");
    const named = slash > 0 ? p.model.slice(0, slash) : "openai";
    const model = slash > 0 ? p.model.slice(slash + 1) : p.model;
    const isKnown = Object.hasOwn(providers, named);
    const provider = isKnown ? providers[named]! : undefined;
    const url = p.api_base ?? provider?.url;
    if (!provider || url === undefined) {
      leave(
        at,
        provider ? `${named} needs an api_base` : `the provider ${named} is not known, or speaks a protocol that the gateway does not`,
      );
      continue;
    }
    if (name.includes("*") || model.includes("*")) {
      leave(at, "names with * are not taken: each model is listed");
      continue;
    }
    const variable = /^os\.environ\/(\w+)$/.exec(p.api_key ?? "")?.[1];
    if (p.api_key !== undefined && variable === undefined)
      leave(`${at}.litellm_params.api_key`, "a secret in the file is not copied: put it into a variable");
    const env = variable ?? provider.env;
    const wait = seconds(p.stream_timeout ?? p.timeout);
    const upstream = upstreams.take(named.replaceAll("_", "-"), {
      url,
      ...(provider.protocol === undefined ? {} : { protocol: provider.protocol }),
      ...(provider.protocol !== undefined && settings.drop_params === true ? { untranslated: "drop" } : {}),
      ...(env === undefined ? {} : { key: { env } }),
      ...(wait === undefined ? {} : { timeouts: { firstByte: wait } }),
      ...breaker,
    });
    models[name] ??= { targets: [] };
    const own = models[name];
    const { tags, odd } = tagsOfDeployment(p);
    if (odd.length > 0) leave(`${at}.litellm_params.tags`, `${odd.join(", ")}: other letters than a tag has here`);
    const price = priceOfDeployment(p, entry.model_info);
    if (price) prices[`${upstream}/${model}`] = price;
    const target = {
      upstream,
      ...(model === name ? {} : { model }),
      ...(typeof p.weight === "number" ? { weight: p.weight } : {}),
      ...(typeof p.order === "number" ? { priority: p.order } : {}),
      ...(tags.length > 0 ? { tags } : {}),
    };
    const twin = own.targets.find(t => t.upstream === upstream && t.model === target.model);
    if (twin) leave(at, "the same deployment again");
    else own.targets.push(target);
    for (const key of Object.keys(p)) if (!readParams.has(key)) leave(`${at}.litellm_params.${key}`, "no counterpart here");
    for (const key of Object.keys(entry.model_info ?? {}))
      if (!(priceKeys as readonly string[]).includes(key)) leave(`${at}.model_info.${key}`, "no counterpart here");
  }

  const strategy = router.routing_strategy;
  if (typeof strategy === "string") {
    const own = Object.hasOwn(strategies, strategy) ? strategies[strategy] : undefined;
    if (own === undefined) leave("router_settings.routing_strategy", `${strategy} has no counterpart; weighted is used`);
    else if (own !== "weighted")
      for (const [name, m] of Object.entries(models))
        if (own !== "cost" || m.targets.every(t => Object.hasOwn(prices, `${t.upstream}/${t.model ?? name}`))) m.strategy = own;
        else leave("router_settings.routing_strategy", `of ${name}: not every deployment has a price in the file; weighted is used`);
  }
  if (router.enable_tag_filtering === true)
    for (const m of Object.values(models)) {
      const rules = rulesOfTags(m.targets);
      if (rules.length > 0) m.rules = rules;
      if (m.targets.some(t => (t.tags as string[] | undefined)?.includes("default")))
        leave("router_settings.enable_tag_filtering", "requests without a tag go to every deployment, not to those tagged default alone");
    }
  for (const [at, list] of [
    ["router_settings.fallbacks", router.fallbacks],
    ["litellm_settings.fallbacks", settings.fallbacks],
  ] as const) {
    if (list === undefined) continue;
    const parsed = fallbackList.safeParse(list);
    if (!parsed.success) leave(at, "not a list of { model: [models] }");
    else
      for (const [name, others] of parsed.data.flatMap(o => Object.entries(o))) {
        const known = others.filter(o => Object.hasOwn(models, o));
        if (Object.hasOwn(models, name) && known.length > 0) models[name]!.fallbacks = known;
        if (!Object.hasOwn(models, name) || known.length < others.length) leave(at, `of ${name}: not every model is in model_list`);
      }
  }
  const everybody = Array.isArray(settings.default_fallbacks)
    ? settings.default_fallbacks.filter(f => typeof f === "string" && Object.hasOwn(models, f))
    : [];
  for (const [name, m] of Object.entries(models)) {
    const others = everybody.filter(f => f !== name);
    if (others.length > 0) m.fallbacks ??= others;
  }
  if (router.model_group_alias !== undefined) {
    const aliases = z.record(z.string(), z.string()).safeParse(router.model_group_alias);
    if (!aliases.success) leave("router_settings.model_group_alias", "not a table of names");
    else
      for (const [alias, name] of Object.entries(aliases.data)) {
        const m = Object.hasOwn(models, name) ? models[name]! : undefined;
        if (m) m.aliases = [...((m.aliases as string[] | undefined) ?? []), alias];
        else leave("router_settings.model_group_alias", `${alias}: there is no ${name}`);
      }
  }
  for (const key of Object.keys(router)) if (!readRouter.has(key)) leave(`router_settings.${key}`, "no counterpart here");
  for (const key of Object.keys(settings)) if (!readSettings.has(key)) leave(`litellm_settings.${key}`, "no counterpart here");
  for (const key of Object.keys(general))
    leave(`general_settings.${key}`, key === "master_key" ? "keys are made by `loam gateway keys create`" : "no counterpart here");
  for (const key of Object.keys(file))
    if (!["model_list", "litellm_settings", "router_settings", "general_settings"].includes(key)) leave(key, "no counterpart here");
  const attempts = router.num_retries ?? settings.num_retries;
  const total = seconds(router.timeout ?? settings.request_timeout);
  return {
    left,
    config: {
      upstreams: upstreams.all,
      models,
      ...(typeof attempts === "number" ? { retries: { attempts: Math.min(10, Math.max(0, Math.round(attempts))) } } : {}),
      ...(total === undefined ? {} : { timeouts: { total } }),
      access: {
        principals: { users: { admin: { roles: ["admin"] } } },
        policies: [{ id: "everybody", effect: "allow" }],
        ...(Object.keys(prices).length > 0 ? { prices: { models: prices } } : {}),
      },
    },
  };
}
