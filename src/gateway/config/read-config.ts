/**
 * The gateway's file as a value to run by: checked against the schema, names that it mentions against each other, addresses against what may
 * be called, secrets read. Whole or not at all: a reload that fails here changes nothing.
 */
import { readFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { check, defined, nearest, parseYaml } from "../../base/index.ts";
import { upstreamProtocols } from "../../protocols/index.ts";
import { operationsOf } from "../admin/operations.ts";
import { checkCache } from "../cache/check.ts";
import { controlPart } from "../control-config.ts";
import { gatewayErrors } from "../errors.ts";
import type { Guard } from "../guards/contract.ts";
import { guardsOf, openGuards } from "../guards/kinds.ts";
import type { Prices } from "../limits/price-table.ts";
import { passThroughsOf } from "../passthrough/places.ts";
import { laneOf, loadOf, priceOfTarget, routeWith } from "../routing/compile.ts";
import type { ModelRoute, Target } from "../routing/route.ts";
import { refusedUrl } from "../upstreams/address.ts";
import type { Deadlines } from "../upstreams/call.ts";
import type { UpstreamConfig } from "../upstreams/config.ts";
import type { GatewayConfig } from "./gateway-config.ts";
import { type GatewayFile, gatewaySchema } from "./schema.ts";
import type { SecretSource } from "./secret-source.ts";
import { secretFilesOf } from "./secret-source.ts";
import { readSecret } from "./secrets.ts";

const defaults: Deadlines = { connectMs: 5_000, firstByteMs: 120_000, idleMs: 60_000 };

const bad = (place: string, expected: string, received: string, hint?: string) =>
  gatewayErrors.fail("config", { place, expected, received, ...defined({ hint }) });

const unknown = (place: string, what: string, given: string, known: Iterable<string>) => {
  const names = [...known];
  const near = nearest(given, names);
  return bad(place, `${what} of this file (${names.slice(0, 10).join(", ")})`, `"${given}"`, near ? `Did you mean "${near}"?` : undefined);
};

/** Held for an answer that nothing bounds. */
const usualOutputTokens = 4096;
/** OpenAI's own servers, and Azure's of them. */
const openaiHost = /(^|\.)(openai\.com|openai\.azure\.com)$/;

type UpstreamPart = GatewayFile["upstreams"][string];

/** Errors: gateway/secret. */
const openOrSecret = async (given: string | SecretSource, place: string, folder: string): Promise<string> =>
  typeof given === "string" ? given : readSecret(given, place, folder);

async function upstreamOf(id: string, part: UpstreamPart, file: GatewayFile, folder: string): Promise<UpstreamConfig> {
  const place = `upstreams.${id}`;
  const isHere = typeof part.url === "string";
  const url = await openOrSecret(part.url, `${place}.url`, folder);
  const refused = refusedUrl(url, part.network);
  if (refused !== undefined)
    throw bad(`${place}.url`, "the address of a model's server", `${isHere ? `"${url}"` : "what is kept there"}: ${refused}`);
  const { protocol, responses, untranslated, reasoning, tensors } = part;
  const own = upstreamProtocols[protocol];
  if (!own.continuations.includes(part.resume))
    throw bad(`${place}.resume`, `for the protocol ${protocol} one of ${own.continuations.join(", ")}`, `"${part.resume}"`);
  if (part.cacheSalt && protocol !== "openai")
    throw bad(`${place}.cacheSalt`, "only the protocol openai, whose servers (vLLM, loam serve) may read cache_salt", `${protocol}`);
  if (reasoning === "vllm" && protocol !== "openai")
    throw bad(`${place}.reasoning`, "only the protocol openai, whose servers (vLLM, loam serve) may take its parameters", `${protocol}`);
  const readHeaders = async (): Promise<Record<string, string>> => {
    const key = part.key && (await readSecret(part.key, `${place}.key`, folder));
    const headers: Record<string, string> = { ...own.headers(key) };
    for (const [name, value] of Object.entries(part.headers))
      headers[name.toLowerCase()] = await openOrSecret(value, `${place}.headers.${name}`, folder);
    return headers;
  };
  const headers = await readHeaders();
  const mayChange = [part.key, ...Object.values(part.headers)].some(source => typeof source === "object" && !("env" in source));
  const time = (key: "connect" | "firstByte" | "idle", otherwise: number) => part.timeouts[key] ?? file.timeouts[key] ?? otherwise;
  let authorities: string | undefined;
  if (part.authorities !== undefined)
    try {
      authorities = await readFile(resolve(folder, part.authorities), "utf8");
    } catch {
      throw bad(`${place}.authorities`, "a file of certificates", `"${part.authorities}"`);
    }
  return {
    url: new URL(url),
    network: part.network,
    headers,
    ...(mayChange ? { renewHeaders: readHeaders } : {}),
    deadlines: {
      connectMs: time("connect", defaults.connectMs),
      firstByteMs: time("firstByte", defaults.firstByteMs),
      idleMs: time("idle", defaults.idleMs),
    },
    breaker: { failures: part.breaker.failures, openMs: part.breaker.open },
    health: part.health && { path: part.health.path, everyMs: part.health.every },
    continuation: part.resume,
    asksUsage: part.askUsage,
    saltsCache: part.cacheSalt,
    outputLimit:
      part.outputLimit ?? (protocol === "openai" && openaiHost.test(new URL(url).hostname) ? "max_completion_tokens" : "max_tokens"),
    authorities,
    ...defined({ service: part.kubernetes }),
    protocol,
    responses,
    untranslated,
    reasoning,
    tensors,
    lane: laneOf(part, place),
    load: loadOf(id, file),
    sharedObjects: new Set(part.sharedObjects),
  };
}

/** Routes by name and alias. Errors: gateway/config. */
function routesOf(
  { models, upstreams, guards: guardsPart }: GatewayFile,
  prices: Prices,
  folder: string,
  byName: ReadonlyMap<string, Guard>,
): Map<string, ModelRoute> {
  const routes = new Map<string, ModelRoute>();
  for (const [name, part] of Object.entries(models)) {
    const place = `models.${name}`;
    const targets: Target[] = part.targets.map((t, i) => {
      if (!Object.hasOwn(upstreams, t.upstream))
        throw unknown(`${place}.targets[${i}].upstream`, "an upstream", t.upstream, Object.keys(upstreams));
      const model = t.model ?? name;
      const id = `${t.upstream}/${model}`;
      const { upstream, weight, priority, tags } = t;
      return { id, upstream, model, weight, priority, tags, ...priceOfTarget(prices, id, name) };
    });
    const twice = targets.find((t, i) => targets.findIndex(o => o.id === t.id) < i);
    if (twice) throw bad(`${place}.targets`, "each target once", `${twice.id} twice`, "Give it the sum of the weights.");
    if (!targets.some(t => t.weight > 0)) throw bad(`${place}.targets`, "a weight above 0", "none");
    for (const [i, f] of part.fallbacks.entries()) {
      if (!Object.hasOwn(models, f)) throw unknown(`${place}.fallbacks[${i}]`, "a model", f, Object.keys(models));
      if (f === name) throw bad(`${place}.fallbacks[${i}]`, "another model", "itself");
    }
    const { strategy, sticky, fallbacks, aliases, contextTokens, maxOutputTokens = usualOutputTokens } = part;
    const boundsOutput = part.maxOutputTokens !== undefined;
    const tokenizer = part.tokenizer === undefined ? undefined : resolve(folder, part.tokenizer);
    const guards = guardsOf(name, models, guardsPart, byName);
    const own = { name, strategy, sticky, targets, fallbacks, aliases, tokenizer, maxOutputTokens, boundsOutput, contextTokens, guards };
    const route = routeWith(own, part, upstreams, place);
    for (const called of [name, ...aliases]) {
      const other = routes.get(called);
      if (other) throw bad(`${place}.aliases`, "names that no other model has", `"${called}", which is ${other.name}'s`);
      routes.set(called, route);
    }
  }
  return routes;
}

/** Errors: base/config and base/unknownKey with the key's place, gateway/config, gateway/secret. `place` names the file. */
export async function checkConfig(value: unknown, place: string, folder: string): Promise<GatewayConfig> {
  const file = check(gatewaySchema, value, place);
  const { prices } = check(controlPart, file.access ?? {}, `${place}: access`);
  const upstreams = new Map<string, UpstreamConfig>();
  for (const [id, part] of Object.entries(file.upstreams)) upstreams.set(id, await upstreamOf(id, part, file, folder));
  const guards = await openGuards(file.guards, folder);
  const routes = routesOf(file, prices, folder, guards);
  for (const { name, asks } of guards.values())
    if (asks !== undefined && !routes.has(asks)) throw unknown(`guards.${name}.model`, "a model", asks, [...routes.keys()]);
  return {
    listen: file.listen,
    state: await openOrSecret(file.state, "state", folder),
    limitsState: file.limitsState && (await openOrSecret(file.limitsState, "limitsState", folder)),
    folder,
    place,
    keySecrets: file.keySecrets && (await Promise.all(file.keySecrets.map((s, i) => readSecret(s, `keySecrets[${i}]`, folder)))),
    secretFiles: [...secretFilesOf(file)].map(path => resolve(folder, path)),
    access: file.access ?? {},
    upstreams,
    routes,
    guards: [...guards.values()],
    priorities: file.priorities,
    retries: { attempts: file.retries.attempts, budgetRatio: file.retries.budget, backoffMs: file.retries.backoff },
    totalMs: file.timeouts.total,
    heartbeatMs: file.timeouts.heartbeat,
    readerMs: file.timeouts.reader,
    hasOpenMetrics: file.metrics === "open",
    passThrough: passThroughsOf(file.passThrough, upstreams),
    cache: checkCache(file.cache, routes),
    log: { to: file.log.to, sample: file.log.sample, sizeBytes: file.log.size, keepMs: file.log.keep },
    ...(await operationsOf(file, folder)),
  };
}

/** Reads the file. Errors: those of `checkConfig`, base/missingFile, base/syntax. */
export async function readConfig(path: string): Promise<GatewayConfig> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    throw gatewayErrors.fail("config", {
      place: path,
      expected: "the gateway's configuration",
      received: (error as NodeJS.ErrnoException).code === "ENOENT" ? "no such file" : "a file that cannot be read",
      hint: "Write one (docs/gateway.md shows the shortest), or name it: --config FILE.",
    });
  }
  return checkConfig(parseYaml(text, path), path, dirname(resolve(path)));
}
