/**
 * GET /v1/models: what is served, with where it comes from (artifact, fingerprint) and what it tells of a text, beside OpenAI's fields. The address of one
 * model is also TensorFlow Serving's for its versions' states; the answer carries both.
 */
import { parseModelName } from "../authorization.ts";
import { engineNames, parentOf } from "../engines.ts";
import { serveErrors } from "../errors.ts";
import { restricted } from "./access.ts";
import type { AppContext, Services } from "./exchange.ts";
import { type AnyEngine, calibrationOf, knownVersions, versionStates } from "./tensorflow/versions.ts";

/** What a model tells of a text: how it goes on, a vector, classes, or a number. */
export function tells(engine: AnyEngine): "text" | "vectors" | "classes" | "numbers" {
  if ("room" in engine) return "text";
  const { classifier } = engine.model.config;
  return classifier === undefined ? "vectors" : classifier.kind === "value" ? "numbers" : "classes";
}

const entry = (engine: AnyEngine, id: string, fallbackCreated: number) => {
  const { model } = engine;
  return {
    id,
    object: "model",
    created: model.createdAt === undefined ? fallbackCreated : Math.floor(model.createdAt / 1000),
    owned_by: "loam",
    root: parentOf(engine) ?? model.id,
    parent: parentOf(engine) ?? null,
    artifact: model.artifact ?? null,
    system_fingerprint: engine.fingerprint,
    max_model_len: "room" in engine ? engine.room : engine.model.longest,
    tells: tells(engine),
    ...calibrationOf(engine),
  };
};

/** Of an engine the name that requests use: its own where that means this version, else its id. */
function listedName(names: readonly string[], { model }: AnyEngine): string {
  const own = model.name ?? parseModelName(model.id).model;
  return names.includes(own) ? own : names.includes(model.id) ? model.id : names[0]!;
}

/** Every model once, under the name that requests use; its other names are `aliases`. */
export const modelList = ({ engines, started }: Pick<Services, "engines" | "started">) => ({
  object: "list",
  data: engines.everything().flatMap(e => {
    const names = engines.namesToTell(e);
    if (names.length === 0) return [];
    const id = listedName(names, e);
    return [{ ...entry(e, id, started), aliases: names.filter(n => n !== id) }];
  }),
});

export const answerModelList = (c: AppContext, services: Services): Response => c.json(modelList(services));

export function oneModel(c: AppContext, { engines, started }: Services): Response {
  const id = c.req.param("model") ?? "";
  const versions = knownVersions(engines, id);
  // the newest also where only TensorFlow's clients use the name: `mail-small` where `mail-small@1` is served without that alias
  const known = versions.find(e => engineNames(e).includes(id)) ?? versions.at(-1);
  const engine = known ? engines.show(known, id) : engines.findAny(id);
  return c.json({ ...entry(engine, id, started), ...versionStates(versions) });
}

/**
 * DELETE /v1/models/NAME: for models that fine-tuning jobs made, as OpenAI has it. Errors: serve/unknownModel, serve/parameter for any other model,
 * serve/inUse, those of `checkAccess`.
 */
export const deleteModel = restricted(async (c, { engines, fineTuning }) => {
  const id = c.req.param("model") ?? "";
  if (await fineTuning?.remove(id)) return c.json({ id, object: "model", deleted: true });
  engines.findAny(id);
  throw serveErrors.fail("parameter", {
    place: "model",
    expected: "a model that a fine-tuning job of this server made",
    received: JSON.stringify(id.slice(0, 100)),
    hint: "`loam models archive` retires a version of the record, POST /v1/admin/unload takes one out of memory.",
  });
});
