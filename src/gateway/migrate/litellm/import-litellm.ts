/**
 * LiteLLM's `config.yaml` as a gateway's configuration: models and their deployments, aliases, fallbacks, retries, timeouts, strategy, limits. What
 * has no counterpart is listed, never dropped in silence. Secrets and addresses stay where they are (`os.environ/NAME` becomes `{ env: NAME }`); a
 * secret that stands in the file is not copied. The keys are those of LiteLLM's documentation.
 */
import { z } from "zod";
import { defined } from "../../../base/index.ts";
import { targetName } from "../../config/schema.ts";
import { gatewayErrors } from "../../errors.ts";
import { limitsOfRates, type RatedDeployment, rateKeys, weighByRates } from "./import-litellm-limits.ts";
import { priceKeys, priceOfDeployment, rulesOfTags, tagsOfDeployment } from "./import-litellm-routing.ts";
import { LitellmServers, serverKeys, Upstreams, variableOf, variablesIn } from "./import-litellm-servers.ts";

/** A part whose lines are all comments is null. */
const loose = z
  .record(z.string(), z.unknown())
  .nullish()
  .transform(v => v ?? {});
const fallbackList = z.array(z.record(z.string(), z.array(z.string())));
/** A name, or an object with it. */
const aliasTable = z.record(z.string(), z.union([z.string(), z.looseObject({ model: z.string() }).transform(a => a.model)]));
const litellmFile = z.looseObject({
  model_list: z
    .array(
      z.looseObject({
        model_name: z.string(),
        litellm_params: z.looseObject({ model: z.string() }),
        model_info: loose,
      }),
    )
    .min(1),
  litellm_settings: loose,
  router_settings: loose,
  general_settings: loose,
  environment_variables: loose,
});

export interface ImportedGateway {
  /** As people write it. */
  readonly config: Readonly<Record<string, unknown>>;
  /** What has no counterpart or was left out, by its place. */
  readonly left: readonly { readonly place: string; readonly why: string }[];
  /** Variables that must be set before the gateway starts. */
  readonly variables: readonly string[];
}

const strategies: Readonly<Record<string, string>> = {
  "simple-shuffle": "weighted",
  "least-busy": "leastOutstanding",
  "latency-based-routing": "latency",
  "usage-based-routing": "leastOutstanding",
  "usage-based-routing-v2": "leastOutstanding",
  "cost-based-routing": "cost",
};

const seconds = (v: unknown): string | undefined => (typeof v === "number" && v > 0 ? `${Math.max(1, Math.round(v * 1000))}ms` : undefined);
const readParams = new Set([...serverKeys, ...rateKeys, "weight", "timeout", "stream_timeout", "order", "tags", ...priceKeys]);
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
const readGeneral = new Set(["global_max_parallel_requests"]);
const parts = new Set(["model_list", "litellm_settings", "router_settings", "general_settings", "environment_variables"]);

/** Where the gateway has by another part what is not taken over. */
const otherwise: Readonly<Record<string, string>> = {
  "general_settings.master_key": "keys are made by `loam gateway keys create`",
  "general_settings.database_url": "keys, limits and usage are kept in `state`; what LiteLLM's database holds is not read",
  "litellm_settings.cache": "answers are kept by the part `cache`",
  "litellm_settings.cache_params": "answers are kept by the part `cache`",
  "litellm_settings.max_budget": "a budget is a limit with `measure: cost`; every model then needs a price",
  "litellm_settings.budget_duration": "a budget is a limit with `measure: cost` and a `period`",
  "router_settings.redis_host":
    "replicas share what is in `state`: a postgres:// URL; limits can be counted in `limitsState`, a redis:// URL",
  "router_settings.redis_port":
    "replicas share what is in `state`: a postgres:// URL; limits can be counted in `limitsState`, a redis:// URL",
  "router_settings.redis_password":
    "replicas share what is in `state`: a postgres:// URL; limits can be counted in `limitsState`, a redis:// URL",
  include: "import the files that it names by themselves",
};

/** Of these keys, those whose values may be variables have been read. */
const withoutServer = (params: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(params).filter(([key]) => !serverKeys.includes(key)));

/** Errors: gateway/config where it is no such file. */
export function importLitellm(value: unknown, place: string): ImportedGateway {
  const result = litellmFile.safeParse(value);
  if (result.success) return new LitellmImport(result.data).result();
  const issue = result.error.issues[0]!;
  throw gatewayErrors.fail("config", {
    place: `${place}: ${issue.path.join(".") || "the file"}`,
    message: `this is no config.yaml of LiteLLM (${issue.message})`,
    hint: "Its first key is usually model_list.",
  });
}

type LitellmFile = z.output<typeof litellmFile>;
type Deployment = LitellmFile["model_list"][number];

class LitellmImport {
  readonly #file: LitellmFile;
  readonly #left: { place: string; why: string }[] = [];
  readonly #upstreams = new Upstreams();
  readonly #servers: LitellmServers;
  /** By target. */
  readonly #prices: Record<string, Record<string, number>> = {};
  readonly #models: Record<string, { targets: Record<string, unknown>[] } & Record<string, unknown>> = {};
  readonly #deployments = new Map<string, RatedDeployment[]>();

  constructor(file: LitellmFile) {
    this.#file = file;
    this.#servers = new LitellmServers(
      (at, why) => this.#leave(at, why),
      file.model_list.map(m => m.litellm_params),
    );
  }

  result(): ImportedGateway {
    const { model_list: list, router_settings: router, litellm_settings: settings, general_settings: general } = this.#file;
    for (const [i, entry] of list.entries()) this.#takeDeployment(`model_list[${i}]`, entry);
    if (Object.keys(this.#models).length === 0)
      this.#leave("model_list", "no model was taken over: the new file is not right before `models` has one");
    this.#takeStrategy();
    this.#takeTags();
    this.#takeFallbacks();
    this.#takeAliases();
    const strategy = router.routing_strategy;
    if (strategy === undefined || strategy === "simple-shuffle") for (const own of this.#deployments.values()) weighByRates(own);
    const limits = limitsOfRates(this.#deployments, (at, why) => this.#leave(at, why));
    const atOnce = general.global_max_parallel_requests;
    if (typeof atOnce === "number" && atOnce >= 1) limits.push({ name: "at-once", measure: "concurrency", limit: Math.floor(atOnce) });
    this.#leaveOthers("router_settings", router, readRouter);
    this.#leaveOthers("litellm_settings", settings, readSettings);
    this.#leaveOthers("general_settings", general, readGeneral);
    for (const name of Object.keys(this.#file.environment_variables))
      this.#leave(`environment_variables.${name}`, "not copied: where the gateway reads it, set it before the start");
    this.#leaveOthers("", this.#file, parts);
    return { left: this.#left, variables: variablesIn(this.#upstreams.all), config: this.#config(limits) };
  }

  #config(limits: readonly unknown[]): ImportedGateway["config"] {
    const { router_settings: router, litellm_settings: settings } = this.#file;
    const attempts = router.num_retries ?? settings.num_retries;
    const total = seconds(router.timeout ?? settings.request_timeout);
    return {
      upstreams: this.#upstreams.all,
      models: this.#models,
      ...(typeof attempts === "number" ? { retries: { attempts: Math.min(10, Math.max(0, Math.round(attempts))) } } : {}),
      ...(total === undefined ? {} : { timeouts: { total } }),
      access: {
        principals: { users: { admin: { roles: ["admin"] } } },
        policies: [{ id: "everybody", effect: "allow" }],
        ...(limits.length > 0 ? { limits } : {}),
        ...(Object.keys(this.#prices).length > 0 ? { prices: { models: this.#prices } } : {}),
      },
    };
  }

  #leave(at: string, why: string): void {
    this.#left.push({ place: at, why });
  }

  #leaveOthers(part: string, values: Readonly<Record<string, unknown>>, read: ReadonlySet<string>): void {
    for (const [key, value] of Object.entries(values)) {
      const at = part === "" ? key : `${part}.${key}`;
      const variable = variableOf(value);
      if (!read.has(key)) this.#leave(at, otherwise[at] ?? "no counterpart here");
      else if (variable !== undefined) this.#leave(at, `it is in the variable ${variable}: write its value here`);
    }
  }

  #breaker(): object {
    const { router_settings: router } = this.#file;
    const failures = router.allowed_fails;
    const open = seconds(router.cooldown_time);
    if (typeof failures !== "number" && open === undefined) return {};
    return { breaker: { ...(typeof failures === "number" ? { failures: failures + 1 } : {}), ...defined({ open }) } };
  }

  #takeDeployment(at: string, { model_name: name, litellm_params: p, model_info: info }: Deployment): void {
    const server = this.#servers.of(p, at);
    if (!server) return;
    const { provider, protocol, model } = server;
    const wait = seconds(p.stream_timeout ?? p.timeout);
    const upstream = this.#upstreams.take(provider, {
      ...server.part,
      ...(protocol !== undefined && this.#file.litellm_settings.drop_params === true ? { untranslated: "drop" } : {}),
      ...(wait === undefined ? {} : { timeouts: { firstByte: wait } }),
      ...this.#breaker(),
    });
    if (name.includes("*") || model.includes("*")) {
      const [own, others] = [name, model].map(n => n.replace("*", "NAME"));
      const instead = `${own}: { targets: [{ upstream: ${upstream}, model: ${others} }] }`;
      this.#leave(at, `there are no names with * here: write each model that is used, as ${instead}`);
      return;
    }
    if (!targetName.safeParse(name).success) {
      this.#leave(`${at}.model_name`, `${JSON.stringify(name)} has other letters than a model's name here`);
      return;
    }
    this.#models[name] ??= { targets: [] };
    const own = this.#models[name];
    const { tags, odd } = tagsOfDeployment(p);
    if (odd.length > 0) this.#leave(`${at}.litellm_params.tags`, `${odd.join(", ")}: other letters than a tag has here`);
    const price = priceOfDeployment(p, info);
    if (price) this.#prices[`${upstream}/${model}`] = price;
    const target: Record<string, unknown> = {
      upstream,
      ...(model === name ? {} : { model }),
      ...(typeof p.weight === "number" ? { weight: p.weight } : {}),
      ...(typeof p.order === "number" ? { priority: p.order } : {}),
      ...(tags.length > 0 ? { tags } : {}),
    };
    const twin = own.targets.find(t => t.upstream === upstream && t.model === target.model);
    if (twin) this.#leave(at, "the same deployment again");
    else {
      own.targets.push(target);
      this.#deployments.set(name, [...(this.#deployments.get(name) ?? []), { place: at, params: p, target }]);
    }
    this.#leaveOthers(`${at}.litellm_params`, withoutServer(p), readParams);
    this.#leaveOthers(`${at}.model_info`, info, new Set(priceKeys));
  }

  #takeStrategy(): void {
    const strategy = this.#file.router_settings.routing_strategy;
    if (typeof strategy !== "string") return;
    const own = Object.hasOwn(strategies, strategy) ? strategies[strategy] : undefined;
    if (own === undefined) this.#leave("router_settings.routing_strategy", `${strategy} has no counterpart; weighted is used`);
    else if (own !== "weighted")
      for (const [name, m] of Object.entries(this.#models))
        if (own !== "cost" || m.targets.every(t => Object.hasOwn(this.#prices, `${t.upstream}/${t.model ?? name}`))) m.strategy = own;
        else this.#leave("router_settings.routing_strategy", `of ${name}: not every deployment has a price in the file; weighted is used`);
  }

  #takeTags(): void {
    if (this.#file.router_settings.enable_tag_filtering !== true) return;
    for (const m of Object.values(this.#models)) {
      const rules = rulesOfTags(m.targets);
      if (rules.length > 0) m.rules = rules;
      if (m.targets.some(t => (t.tags as string[] | undefined)?.includes("default")))
        this.#leave(
          "router_settings.enable_tag_filtering",
          "requests without a tag go to every deployment, not to those tagged default alone",
        );
    }
  }

  #takeFallbacks(): void {
    const { router_settings: router, litellm_settings: settings } = this.#file;
    this.#takeFallbackList("router_settings.fallbacks", router.fallbacks);
    this.#takeFallbackList("litellm_settings.fallbacks", settings.fallbacks);
    const everybody = Array.isArray(settings.default_fallbacks)
      ? settings.default_fallbacks.filter(f => typeof f === "string" && Object.hasOwn(this.#models, f))
      : [];
    for (const [name, m] of Object.entries(this.#models)) {
      const others = everybody.filter(f => f !== name);
      if (others.length > 0) m.fallbacks ??= others;
    }
  }

  #takeFallbackList(at: string, list: unknown): void {
    if (list === undefined) return;
    const parsed = fallbackList.safeParse(list);
    if (!parsed.success) this.#leave(at, "not a list of { model: [models] }");
    for (const [name, others] of (parsed.data ?? []).flatMap(o => Object.entries(o))) {
      const known = others.filter(o => Object.hasOwn(this.#models, o));
      if (Object.hasOwn(this.#models, name) && known.length > 0) this.#models[name]!.fallbacks = known;
      if (!Object.hasOwn(this.#models, name) || known.length < others.length)
        this.#leave(at, `of ${name}: not every model is in model_list`);
    }
  }

  #takeAliases(): void {
    const given = this.#file.router_settings.model_group_alias;
    if (given === undefined) return;
    const at = "router_settings.model_group_alias";
    const aliases = aliasTable.safeParse(given);
    if (!aliases.success) this.#leave(at, "not a table of names");
    for (const [alias, name] of Object.entries(aliases.data ?? {})) {
      const m = Object.hasOwn(this.#models, name) ? this.#models[name]! : undefined;
      if (!targetName.safeParse(alias).success) this.#leave(at, `${alias}: other letters than a name has here`);
      else if (m) m.aliases = [...((m.aliases as string[] | undefined) ?? []), alias];
      else this.#leave(at, `${alias}: there is no ${name}`);
    }
  }
}
