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
import { nativeDecoder } from "./native-model.ts";

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

/** The name of the one adapter that scales ask for; undefined where they are all 0. Errors: serve/parameter, serve/unsupported. */
function nameIn(scales: readonly Scale[], { adapters }: Engine): string | undefined {
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
  return adapters[first.id]!.name;
}

/** The engine of the adapter that a request asks for, or that stands; the model as it is where it says 0. Errors: serve/parameter, serve/unsupported. */
export function withAdapter(services: Services, engine: Engine, lora: readonly Scale[] | null | undefined): Engine {
  const base = baseOf(engine);
  const name = lora == null ? (base === engine ? standingOf(services).get(base.model.id) : undefined) : nameIn(lora, engine);
  if (name !== undefined && engine.adapters.some(a => a.name === name)) return services.engines.find(name);
  return lora == null ? engine : base;
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
  const name = nameIn(scales, engine);
  const all = standingOf(services);
  const { id } = baseOf(engine).model;
  if (name === undefined) all.delete(id);
  else all.set(id, name);
  return c.json({ success: true });
});
