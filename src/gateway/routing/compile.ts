/** What the file says about routing beyond targets and weights, as a route and an upstream have it; checked against the rest of the file. */
import { defined, nearest } from "../../base/index.ts";
import type { GatewayFile } from "../config/schema.ts";
import { gatewayErrors } from "../errors.ts";
import type { Prices } from "../limits/price-table.ts";
import { priceOf } from "../limits/prices.ts";
import type { LaneOptions } from "../queue/lane.ts";
import type { ModelRoute, RouteExtras, Shadow, Target } from "./route.ts";
import { withRules } from "./rules.ts";

const bad = (place: string, expected: string, received: string, hint?: string) =>
  gatewayErrors.fail("config", { place, expected, received, ...defined({ hint }) });

/** A target has a price of its own (`prices.models` of its id), or that of the model that it answers for. */
export function priceOfTarget(prices: Prices, id: string, name: string): Pick<Target, "price" | "priceName"> {
  const priceName = Object.hasOwn(prices.models, id) ? id : name;
  return { price: priceOf(prices, priceName), priceName };
}

type ModelPart = GatewayFile["models"][string];

function shadowOf(part: ModelPart, name: string, upstreams: GatewayFile["upstreams"], place: string): Shadow | undefined {
  const { shadow } = part;
  if (!shadow) return undefined;
  if (!Object.hasOwn(upstreams, shadow.upstream)) {
    const near = nearest(shadow.upstream, Object.keys(upstreams));
    throw bad(
      `${place}.shadow.upstream`,
      `an upstream of this file (${Object.keys(upstreams).slice(0, 10).join(", ")})`,
      `"${shadow.upstream}"`,
      near ? `Did you mean "${near}"?` : undefined,
    );
  }
  const model = shadow.model ?? name;
  const target: Target = {
    id: `${shadow.upstream}/${model}`,
    upstream: shadow.upstream,
    model,
    weight: 1,
    priority: 0,
    tags: [],
    price: undefined,
    priceName: name,
  };
  return { target, share: shadow.share, by: shadow.by, atOnce: shadow.atOnce };
}

/** The route with all of it. Errors: gateway/config. */
export function routeWith(
  route: Omit<ModelRoute, keyof RouteExtras>,
  part: ModelPart,
  upstreams: GatewayFile["upstreams"],
  place: string,
): ModelRoute {
  const { name, targets } = route;
  if (route.strategy === "cost")
    for (const [i, t] of targets.entries())
      if (t.price === undefined)
        throw bad(
          `${place}.targets[${i}]`,
          `a price, since the strategy is cost: access.prices.models["${t.id}"], or "${name}", or "*"`,
          "none",
          "Write { input: 0, output: 0 } for a server of your own.",
        );
  if (part.hedge && targets.length < 2) throw bad(`${place}.hedge`, "at least two targets", "one");
  const whole: ModelRoute = {
    ...route,
    sharesName: name,
    version: part.version,
    hasOwnPrice: targets.every(t => t.priceName === name),
    rules: undefined,
    rule: undefined,
    shadow: shadowOf(part, name, upstreams, place),
    hedge: part.hedge && { afterMs: part.hedge.after === "p95" ? undefined : part.hedge.after, share: part.hedge.share },
  };
  return withRules(whole, part.rules, place);
}

/** A key's part of `connections` where the file does not say. */
const shareOfKey = 1 / 4;

/** How requests are admitted to an upstream: `connections` bounds them, and `concurrency` where that is less. */
export function laneOf(part: GatewayFile["upstreams"][string], place: string): LaneOptions {
  const { connections, concurrency, concurrencyPerKey, queue } = part;
  const perKey = concurrencyPerKey ?? Math.max(1, Math.floor(connections * shareOfKey));
  const { most, longest, aging } = queue;
  const isLess = concurrency !== undefined && concurrency <= connections;
  return {
    concurrency: isLess ? concurrency : connections,
    perKey,
    most,
    longestMs: longest,
    agingMs: aging,
    place,
    setting: isLess ? "concurrency" : "connections",
  };
}

/** Where an upstream's load is read: as it says, and by default where a model of the strategy `load` has it among its targets. */
export function loadOf(id: string, { upstreams, models }: GatewayFile): { readonly path: string; readonly everyMs: number } | undefined {
  const part = upstreams[id]!.load;
  if (part) return { path: part.path, everyMs: part.every };
  const isAsked = Object.values(models).some(m => m.strategy === "load" && m.targets.some(t => t.upstream === id));
  return isAsked ? { path: "/metrics", everyMs: 1_000 } : undefined;
}
