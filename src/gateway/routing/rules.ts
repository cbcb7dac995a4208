/**
 * Rules of a model: the first whose conditions a request fulfils says which targets it may go to. Each rule is compiled to a route of its own, so
 * that a request that fits costs no more than one without rules, and shares are exact among the requests of each rule.
 */
import { gatewayErrors } from "../errors.ts";
import { type Facts, holds } from "./conditions.ts";
import type { ModelRoute, RouteRule, Target } from "./route.ts";
import type { RulesPart } from "./schema.ts";

/** Above every priority that the file may give: asked only while none that the rule names can be. */
const lastResort = 1_000;

/** The route with its rules compiled. Errors: gateway/config. */
export function withRules(route: ModelRoute, rules: RulesPart | undefined, place: string): ModelRoute {
  if (rules === undefined || rules.length === 0) return route;
  const compiled = rules.map((rule, i): RouteRule => {
    const name = rule.name ?? `rule-${i + 1}`;
    const isMeant = (t: Target) => rule.use.includes(t.id) || rule.use.some(u => t.tags.includes(u));
    for (const [j, use] of rule.use.entries())
      if (!route.targets.some(t => t.id === use || t.tags.includes(use)))
        throw gatewayErrors.fail("config", {
          place: `${place}.rules[${i}].use[${j}]`,
          expected: `a target or a tag of one (${[...new Set(route.targets.flatMap(t => [t.id, ...t.tags]))].slice(0, 10).join(", ")})`,
          received: `"${use}"`,
        });
    const targets =
      rule.otherwise === "none"
        ? route.targets.filter(isMeant)
        : route.targets.map(t => (isMeant(t) ? t : { ...t, priority: t.priority + lastResort }));
    return { name, when: rule.when, route: { ...route, targets, rule: name, sharesName: `${route.name}#${name}` } };
  });
  const twice = compiled.find((r, i) => compiled.findIndex(o => o.name === r.name) < i);
  if (twice)
    throw gatewayErrors.fail("config", { place: `${place}.rules`, expected: "names that differ", received: `"${twice.name}" twice` });
  return { ...route, rules: compiled };
}

/** The route as this request may use it. Errors: those of `holds`. */
export function narrowed(route: ModelRoute, facts: Facts): ModelRoute {
  for (const rule of route.rules!) if (holds(rule.when, facts)) return rule.route;
  return route;
}

const namesOfOne = new WeakMap<ModelRoute, { readonly names: readonly string[] | undefined }>();

/** Names of the price table under which an answer of these may be charged; undefined where that is the first one's own name alone. */
export function priceNamesOf(routes: readonly ModelRoute[]): readonly string[] | undefined {
  const [first] = routes;
  if (routes.length > 1) return namesIn(routes);
  let known = namesOfOne.get(first!);
  if (!known) {
    known = { names: first!.hasOwnPrice ? undefined : namesIn(routes) };
    namesOfOne.set(first!, known);
  }
  return known.names;
}

function namesIn(routes: readonly ModelRoute[]): readonly string[] | undefined {
  const [first] = routes;
  const names = new Set(routes.flatMap(r => r.targets.map(t => t.priceName)));
  return names.size === 1 && names.has(first!.name) ? undefined : [...names];
}
