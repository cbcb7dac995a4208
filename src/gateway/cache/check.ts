/** What the part `cache` of the gateway's file names must be there. */
import { nearest } from "../../base/index.ts";
import { gatewayErrors } from "../errors.ts";
import type { ModelRoute } from "../routing/route.ts";
import type { CacheOptions } from "./schema.ts";

/** Aliases become the model's name. Errors: gateway/config. */
export function checkCache(options: CacheOptions | undefined, routes: ReadonlyMap<string, ModelRoute>): CacheOptions | undefined {
  if (!options) return undefined;
  const named = (name: string, place: string): string => {
    const route = routes.get(name);
    if (route) return route.name;
    const near = nearest(name, [...routes.keys()]);
    throw gatewayErrors.fail("config", {
      place,
      expected: `a model of this file (${[...routes.keys()].slice(0, 10).join(", ")})`,
      received: `"${name}"`,
      ...(near ? { hint: `Did you mean "${near}"?` } : {}),
    });
  };
  const { store, models, semantic, bytes, answerBytes } = options;
  if (/^postgres/.test(store) && URL.canParse(store) && new URL(store).password !== "")
    throw gatewayErrors.fail("config", {
      place: "cache.store",
      expected: "no password in the file",
      received: "one",
      hint: "Say `store: state`, and let `state` be read from a secret.",
    });
  if (answerBytes > bytes)
    throw gatewayErrors.fail("config", {
      place: "cache.answerBytes",
      expected: `at most cache.bytes, ${bytes}`,
      received: String(answerBytes),
    });
  return {
    ...options,
    ...(models ? { models: models.map((m, i) => named(m, `cache.models[${i}]`)) } : {}),
    ...(semantic ? { semantic: { ...semantic, model: named(semantic.model, "cache.semantic.model") } } : {}),
  };
}
