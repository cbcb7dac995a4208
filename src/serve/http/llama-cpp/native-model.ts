/** The model that a body of llama.cpp's API means: its server has one, so its clients name none. */
import type { EmbeddingEngine } from "../../embedding/embedding-engine.ts";
import type { Engine } from "../../engine.ts";
import type { AnyEngine } from "../../engines.ts";
import { serveErrors } from "../../errors.ts";
import type { ListedMetadata, ModelMetadata } from "../../model-metadata.ts";
import type { AppContext, Services } from "../exchange.ts";

/** What a request without a model means: the model of all names, else the only one of its kind. Errors: serve/missing, serve/notReady while none is loaded. */
function onlyOf({ engines }: Services, all: readonly ListedMetadata[]): string {
  const { otherNames } = engines;
  if (otherNames !== undefined && all.length !== 1) return otherNames;
  const names = all.flatMap(e => engines.namesToTell(e).slice(0, 1));
  if (all.length === 1 && names.length === 1) return names[0]!;
  if (names.length === 0 && !engines.isReady)
    throw serveErrors.fail("notReady", { place: "model", message: "no model is loaded yet", hint: "Retry in a moment." });
  const message = names.length > 0 ? `the parameter is needed: one of ${names.join(", ")}` : "no model of this kind is served";
  throw serveErrors.fail("missing", { place: "model", message });
}

/** Loaded or asleep: the next request wakes one that sleeps. */
const decoders = ({ engines }: Services) => engines.models().filter(m => "room" in m);
const encoders = ({ engines }: Services) => engines.models().filter(m => "dimensions" in m);
const onlyOfBoth = (services: Services): string => {
  const all = decoders(services);
  return onlyOf(services, all.length > 0 ? all : encoders(services));
};

/** As `nativeModel`, for a request that is only told of the model: nothing wakes. */
export const nativeMetadata = (services: Services, model: string | null | undefined): ModelMetadata =>
  services.engines.describe(model ?? onlyOfBoth(services));

/** What a request for text means that names no model. Errors: serve/missing, serve/notReady. */
export const onlyDecoder = (services: Services): string => onlyOf(services, decoders(services));

/** Errors: serve/missing where several could be meant, and those of `Engines.find`. */
export function nativeDecoder(c: AppContext, services: Services, model: string | null | undefined): Engine {
  const engine = services.engines.find(model ?? onlyDecoder(services));
  c.var.exchange.engine = engine;
  return engine;
}

/** As `nativeDecoder`, for texts to vectors. */
export function nativeEncoder(c: AppContext, services: Services, model: string | null | undefined): EmbeddingEngine {
  const engine = services.engines.findEncoder(model ?? onlyOf(services, encoders(services)));
  c.var.exchange.engine = engine;
  return engine;
}

/** As `nativeDecoder`, for what both kinds have: the decoder where there is one. */
export function nativeModel(c: AppContext, services: Services, model: string | null | undefined): AnyEngine {
  const engine = services.engines.findAny(model ?? onlyOfBoth(services));
  c.var.exchange.engine = engine;
  return engine;
}
