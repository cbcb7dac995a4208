/**
 * LiteLLM's `config.yaml` as a gateway's configuration: models and their deployments, aliases, fallbacks, retries, timeouts, strategy, limits. What
 * has no counterpart is listed, never dropped in silence. Secrets and addresses stay where they are (`os.environ/NAME` becomes `{ env: NAME }`); a
 * secret that stands in the file is not copied. The keys are those of LiteLLM's documentation.
 */
import { z } from "zod";
import { modelName } from "../../config/schema.ts";
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
  const leaveOthers = (part: string, values: Readonly<Record<string, unknown>>, read: ReadonlySet<string>) => {
    for (const [key, value] of Object.entries(values)) {
      const at = part === "" ? key : `${part}.${key}`;
      const variable = variableOf(value);
      if (!read.has(key)) leave(at, otherwise[at] ?? "no counterpart here");
      else if (variable !== undefined) leave(at, `it is in the variable ${variable}: write its value here`);
    }
  };
  const upstreams = new Upstreams();
  const servers = new LitellmServers(
    leave,
    file.model_list.map(m => m.litellm_params),
  );
  /** By target. */
  const prices: Record<string, Record<string, number>> = {};
  const models: Record<string, { targets: Record<string, unknown>[] } & Record<string, unknown>> = {};
  const deployments = new Map<string, RatedDeployment[]>();
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
    const server = servers.of(p, at);
    if (!server) continue;
    const { provider, protocol, model } = server;
    const wait = seconds(p.stream_timeout ?? p.timeout);
    const upstream = upstreams.take(provider, {
      ...server.part,
      ...(protocol !== undefined && settings.drop_params === true ? { untranslated: "drop" } : {}),
      ...(wait === undefined ? {} : { timeouts: { firstByte: wait } }),
      ...breaker,
    });
    if (name.includes("*") || model.includes("*")) {
      const [own, others] = [name, model].map(n => n.replace("*", "NAME"));
      leave(
        at,
        `there are no names with * here: write each model that is used, as ${own}: { targets: [{ upstream: ${upstream}, model: ${others} }] }`,
      );
      continue;
    }
    if (!modelName.safeParse(name).success) {
      leave(`${at}.model_name`, `${JSON.stringify(name)} has other letters than a model's name here`);
      continue;
    }
    models[name] ??= { targets: [] };
    const own = models[name];
    const { tags, odd } = tagsOfDeployment(p);
    if (odd.length > 0) leave(`${at}.litellm_params.tags`, `${odd.join(", ")}: other letters than a tag has here`);
    const price = priceOfDeployment(p, entry.model_info);
    if (price) prices[`${upstream}/${model}`] = price;
    const target: Record<string, unknown> = {
      upstream,
      ...(model === name ? {} : { model }),
      ...(typeof p.weight === "number" ? { weight: p.weight } : {}),
      ...(typeof p.order === "number" ? { priority: p.order } : {}),
      ...(tags.length > 0 ? { tags } : {}),
    };
    const twin = own.targets.find(t => t.upstream === upstream && t.model === target.model);
    if (twin) leave(at, "the same deployment again");
    else {
      own.targets.push(target);
      deployments.set(name, [...(deployments.get(name) ?? []), { place: at, params: p, target }]);
    }
    leaveOthers(`${at}.litellm_params`, withoutServer(p), readParams);
    leaveOthers(`${at}.model_info`, entry.model_info, new Set(priceKeys));
  }
  if (Object.keys(models).length === 0) leave("model_list", "no model was taken over: the new file is not right before `models` has one");

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
    const aliases = aliasTable.safeParse(router.model_group_alias);
    if (!aliases.success) leave("router_settings.model_group_alias", "not a table of names");
    else
      for (const [alias, name] of Object.entries(aliases.data)) {
        const m = Object.hasOwn(models, name) ? models[name]! : undefined;
        if (!modelName.safeParse(alias).success) leave("router_settings.model_group_alias", `${alias}: other letters than a name has here`);
        else if (m) m.aliases = [...((m.aliases as string[] | undefined) ?? []), alias];
        else leave("router_settings.model_group_alias", `${alias}: there is no ${name}`);
      }
  }
  if (strategy === undefined || strategy === "simple-shuffle") for (const own of deployments.values()) weighByRates(own);
  const limits = limitsOfRates(deployments, leave);
  const atOnce = general.global_max_parallel_requests;
  if (typeof atOnce === "number" && atOnce >= 1) limits.push({ name: "at-once", measure: "concurrency", limit: Math.floor(atOnce) });
  leaveOthers("router_settings", router, readRouter);
  leaveOthers("litellm_settings", settings, readSettings);
  leaveOthers("general_settings", general, readGeneral);
  for (const name of Object.keys(file.environment_variables))
    leave(`environment_variables.${name}`, "not copied: where the gateway reads it, set it before the start");
  leaveOthers("", file, parts);
  const attempts = router.num_retries ?? settings.num_retries;
  const total = seconds(router.timeout ?? settings.request_timeout);
  return {
    left,
    variables: variablesIn(upstreams.all),
    config: {
      upstreams: upstreams.all,
      models,
      ...(typeof attempts === "number" ? { retries: { attempts: Math.min(10, Math.max(0, Math.round(attempts))) } } : {}),
      ...(total === undefined ? {} : { timeouts: { total } }),
      access: {
        principals: { users: { admin: { roles: ["admin"] } } },
        policies: [{ id: "everybody", effect: "allow" }],
        ...(limits.length > 0 ? { limits } : {}),
        ...(Object.keys(prices).length > 0 ? { prices: { models: prices } } : {}),
      },
    },
  };
}
