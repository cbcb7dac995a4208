/**
 * llama.cpp's `lora`: adapters by their number in the list of their model. Here an adapter is a model of its own over the same weights, so one of them
 * answers, at scale 1, or none.
 */
import { loraScales } from "../../../protocols/index.ts";
import { baseOf } from "../../adapters/adapted-engine.ts";
import type { Engine } from "../../engine.ts";
import { serveErrors } from "../../errors.ts";
import { restricted } from "../access.ts";
import { type AppContext, bodyOf, type Services } from "../exchange.ts";
import { parseBody } from "../parse.ts";
import { nativeDecoder, onlyDecoder } from "./native-model.ts";

interface Scale {
  readonly id: number;
  readonly scale: number;
}

/** Adapters that answer llama.cpp's requests which name none, by the id of the model below: it may sleep and wake meanwhile. */
const standing = new WeakMap<object, Map<string, string>>();
function standingOf({ engines: { adapters } }: Services): Map<string, string> {
  const known = standing.get(adapters) ?? new Map<string, string>();
  standing.set(adapters, known);
  return known;
}

/** The one of some adapters that scales ask for; undefined where they are all 0. Errors: serve/parameter, serve/unsupported. */
function nameIn(scales: readonly Scale[], adapters: readonly string[]): string | undefined {
  const on = scales.filter(s => s.scale !== 0);
  const [first, second] = on;
  const unknown = scales.find(s => adapters[s.id] === undefined);
  if (unknown)
    throw serveErrors.fail("parameter", {
      place: "lora",
      expected: adapters.length > 0 ? `ids from 0 to ${adapters.length - 1}` : "no adapters, since none is loaded",
      received: String(unknown.id),
    });
  if (!first) return undefined;
  if (second || first.scale !== 1)
    throw serveErrors.fail("unsupported", {
      place: "lora",
      message: second ? "several adapters at once are not supported" : `an adapter at scale ${first.scale} is not supported`,
      hint: "Ask for one adapter at scale 1.",
    });
  return adapters[first.id];
}

/**
 * The engine that answers a request which may choose an adapter by its number: the adapter, or the model below it where the scales are 0, or the adapter that
 * stands. Whichever it is is resolved by its own name, so the caller's right is judged for the model that answers. Errors: serve/parameter,
 * serve/unsupported, and those of `nativeDecoder`.
 */
export function adaptedDecoder(
  c: AppContext,
  services: Services,
  { model, lora }: { readonly model?: string | null | undefined; readonly lora?: readonly Scale[] | null | undefined },
): Engine {
  const asked = model ?? onlyDecoder(services);
  const { base, adapters } = services.engines.familyOf(asked);
  if (lora != null) return nativeDecoder(c, services, nameIn(lora, adapters) ?? (adapters.includes(asked) ? base : asked));
  const own = adapters.includes(asked) ? undefined : standingOf(services).get(base);
  return nativeDecoder(c, services, own !== undefined && adapters.includes(own) ? own : asked);
}

/** GET /lora-adapters. */
export function listAdapters(c: AppContext, services: Services): Response {
  const engine = nativeDecoder(c, services, c.req.query("model"));
  const seen = new Set(services.engines.everything().map(e => e.model.id));
  const own = standingOf(services).get(baseOf(engine).model.id);
  return c.json(
    engine.adapters.flatMap(({ name }, id) =>
      seen.has(name) ? [{ id, path: name, scale: name === own ? 1 : 0, task_name: "", prompt_prefix: "" }] : [],
    ),
  );
}

/** POST /lora-adapters: which adapter answers requests that name none. Errors: those of `checkAccess`, serve/parameter, serve/unsupported. */
export const setAdapters = restricted(async (c, services) => {
  const { list } = await bodyOf(c);
  const scales = parseBody(loraScales, list);
  const engine = nativeDecoder(c, services, c.req.query("model"));
  const name = nameIn(
    scales,
    engine.adapters.map(a => a.name),
  );
  const all = standingOf(services);
  const { id } = baseOf(engine).model;
  if (name === undefined) all.delete(id);
  else all.set(id, name);
  return c.json({ success: true });
});
