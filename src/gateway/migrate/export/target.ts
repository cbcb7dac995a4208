/** What an export is made of and what it gives: files by name, and what the target does otherwise. */

import { sha256 } from "../../../base/index.ts";
import type { GatewayConfig } from "../../config/gateway-config.ts";
import type { ControlConfig } from "../../control-config.ts";
import { gatewayErrors } from "../../errors.ts";
import type { ModelRoute } from "../../routing/route.ts";
import type { Consumer, ExportDifference } from "./plan.ts";

export interface ExportGiven {
  readonly config: GatewayConfig;
  readonly access: ControlConfig;
  readonly consumers: readonly Consumer[];
  /** What the target calls for every model, in place of the file's upstreams: a `loam gateway` or `loam serve` behind it. */
  readonly backend: URL | undefined;
}

export interface Exported {
  /** By path below the folder, as text. */
  readonly files: ReadonlyMap<string, string>;
  readonly differences: readonly ExportDifference[];
}

export type Exporter = (given: ExportGiven) => Exported;

export const routesOf = ({ routes }: GatewayConfig): ModelRoute[] => [...new Set(routes.values())];

/** As two spaces and a line's end at the end: how people keep such files. */
export const jsonText = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

/** A name of letters, digits and `-` for things that have an own alphabet; the number keeps those apart that would be the same. */
export const plainName = (text: string, fallback: string): string =>
  text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "")
    .slice(0, 40) || fallback;

/** Without what an alphabet lacks; then with the beginning of a hash, so that two names stay two. */
export function uniqueName(text: string, lacking: RegExp): string {
  const plain = text.replace(lacking, "");
  return plain === text ? text : `${plain}${sha256(text).slice(0, 6)}`;
}

/** For targets that choose a server by the address alone. Errors: gateway/config, where the models are on several servers. */
export function oneBackend(
  { config, backend }: ExportGiven,
  target: string,
): { readonly url: URL; readonly differences: ExportDifference[] } {
  if (backend) return { url: backend, differences: [] };
  const used = new Set(routesOf(config).flatMap(r => r.targets.map(t => t.upstream)));
  const [only] = used;
  if (used.size > 1 || only === undefined)
    throw gatewayErrors.fail("config", {
      place: `loam gateway export ${target}`,
      expected: "one server for all models: this target chooses by address, not by model",
      received: `${[...used].join(", ")}`,
      hint: "Name what stands behind it, such as a `loam gateway`: --backend https://gateway.internal/v1.",
    });
  return { url: config.upstreams.get(only)!.url, differences: modelRenames(config) };
}

/** Models that their server calls otherwise, where a target passes bodies on as they are. */
export const modelRenames = (config: GatewayConfig): ExportDifference[] =>
  [...config.routes]
    .filter(([called, r]) => r.targets.some(t => t.model !== called))
    .map(([called, r]) => ({
      place: `models.${called}`,
      why: `the server is asked for "${called}", which it calls "${r.targets[0]!.model}": give it that name there, or stand a \`loam gateway\` behind (--backend)`,
    }));

/** What of a route is looked at by name; whatever else it has is told as it is. */
const routeKeys = new Set(
  "name aliases strategy sticky targets fallbacks tokenizer maxOutputTokens boundsOutput contextTokens sharesName hasOwnPrice rules rule shadow hedge".split(
    " ",
  ),
);

/** Parts of the file that concern no policy. `has`: those that the target has too. */
export function routingDifferences(given: ExportGiven, has: readonly ("weights" | "retries")[]): ExportDifference[] {
  const { config, backend, access } = given;
  const told: ExportDifference[] = [];
  if (access.issuers.length > 0)
    told.push({
      place: "access.issuers",
      why: `tokens of ${access.issuers.map(i => i.name).join(", ")} are not taken there: only keys are exported`,
    });
  told.push(
    { place: "keys", why: "secrets cannot be read back: create every key again there" },
    { place: "GET /v1/models", why: "not exported: a list that shows each caller its own models is no static answer" },
    { place: "GET /metrics, /gateway/*", why: "not exported: they are this gateway's own" },
  );
  if (backend) return told;
  for (const r of routesOf(config)) {
    const place = `models.${r.name}`;
    if (r.targets.length > 1 && !has.includes("weights"))
      told.push({ place: `${place}.targets`, why: "one server answers; shares are not kept" });
    if (r.targets.some(t => t.priority > 0)) told.push({ place: `${place}.targets`, why: "targets of a later priority are not asked" });
    if (r.fallbacks.length > 0) told.push({ place: `${place}.fallbacks`, why: "no other model stands in" });
    if (r.sticky !== "none") told.push({ place: `${place}.sticky`, why: "a caller may meet another target each time" });
    if (r.rules) told.push({ place: `${place}.rules`, why: "no routing rules: every target may respond" });
    if (r.shadow) told.push({ place: `${place}.shadow`, why: "nothing is copied" });
    if (r.hedge) told.push({ place: `${place}.hedge`, why: "no hedged requests" });
    const others = Object.entries(r).filter(([key, value]) => !routeKeys.has(key) && !isEmpty(value));
    for (const [key] of others) told.push({ place: `${place}.${key}`, why: "has no counterpart there" });
    if (r.strategy !== "weighted") told.push({ place: `${place}.strategy`, why: `"${r.strategy}" is not kept` });
  }
  for (const [name, { protocol }] of config.upstreams)
    if (protocol !== "openai")
      told.push({ place: `upstreams.${name}.protocol`, why: `nothing is translated: it would hear OpenAI's words, not ${protocol}'s` });
  for (const [name, { lane }] of config.upstreams)
    if (lane?.setting === "concurrency")
      told.push({ place: `upstreams.${name}.concurrency`, why: "requests under way are not bounded, and none waits in line" });
  if (!has.includes("retries")) told.push({ place: "retries", why: "no retries" });
  told.push({ place: "streams", why: "a stream that breaks off is not gone on with, and ends without an error event" });
  const known = [
    "listen",
    "state",
    "folder",
    "place",
    "keySecrets",
    "access",
    "upstreams",
    "routes",
    "retries",
    "totalMs",
    "heartbeatMs",
    "readerMs",
  ];
  for (const [place, value] of Object.entries(config))
    if (!known.includes(place) && !["log", "hasOpenMetrics"].includes(place) && !isEmpty(value))
      told.push({ place, why: "this part of the file has no counterpart there" });
  return told;
}

const isEmpty = (value: unknown): boolean =>
  value === undefined ||
  value === null ||
  value === false ||
  (value instanceof Map && value.size === 0) ||
  (typeof value === "object" && !(value instanceof Map) && Object.keys(value).length === 0);
