/** GET /v1/models: what is served, with where it comes from (artifact, fingerprint) beside OpenAI's fields. */
import type { Engine } from "../engine.ts";
import type { AppContext, Services } from "./exchange.ts";

const entry = (engine: Engine, id: string, fallbackCreated: number) => {
  const { model } = engine;
  return {
    id,
    object: "model",
    created: model.createdAt === undefined ? fallbackCreated : Math.floor(model.createdAt / 1000),
    owned_by: "loam",
    root: model.id,
    artifact: model.artifact ?? null,
    system_fingerprint: engine.fingerprint,
    max_model_len: engine.room,
  };
};

export const listModels = (c: AppContext, services: Services, started: number): Response =>
  c.json({
    object: "list",
    data: services.engines.all().flatMap(e => [e.model.id, ...(e.model.aliases ?? [])].map(id => entry(e, id, started))),
  });

export function oneModel(c: AppContext, services: Services, started: number): Response {
  const id = c.req.param("model") ?? "";
  return c.json(entry(services.engines.find(id), id, started));
}
