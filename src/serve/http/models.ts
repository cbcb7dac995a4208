/**
 * GET /v1/models: what is served, with where it comes from (artifact, fingerprint) and what it tells of a text, beside OpenAI's fields. The address of one
 * model is also TensorFlow Serving's for its versions' states; the answer carries both.
 */
import { parseModelName } from "../authorization.ts";
import { engineNames, parentOf } from "../engines.ts";
import { serveErrors } from "../errors.ts";
import { isDescribed, type ListedMetadata, type ModelMetadata } from "../model-metadata.ts";
import { restricted } from "./access.ts";
import type { AppContext, Services } from "./exchange.ts";
import { knownVersions, servedCalibration, servedThresholds, versionStates } from "./tensorflow/versions.ts";

/** What a model tells of a text: how it goes on, a vector, classes, or a number. */
export function tells(engine: ModelMetadata): "text" | "vectors" | "classes" | "numbers" {
  if ("room" in engine) return "text";
  const { classifier } = engine.model.config;
  return classifier === undefined ? "vectors" : classifier.kind === "value" ? "numbers" : "classes";
}

/** In which form the weights are, where that is not float32, and what that was measured to cost. */
function formOf(engine: ModelMetadata) {
  const form = "room" in engine ? engine.model.form : undefined;
  if (!form) return {};
  const { name, chosen, cost } = form;
  const measured = cost && {
    measured_tokens: cost.tokens,
    perplexity: cost.perplexity,
    perplexity_exact: cost.fullPerplexity,
    kl_divergence: cost.divergence,
    same_top_token: cost.agreement,
  };
  return { quantization: { form: name, chosen, ...measured } };
}

/** Of a model that nobody has loaded yet only its name is known. */
const contents = (engine: ModelMetadata) => ({
  system_fingerprint: engine.fingerprint,
  max_model_len: "room" in engine ? engine.room : engine.model.longest,
  tells: tells(engine),
  ...formOf(engine),
  ...servedCalibration(engine),
  ...servedThresholds(engine),
});

const entry = (engine: ListedMetadata, id: string, fallbackCreated: number) => {
  const { model } = engine;
  return {
    id,
    object: "model",
    created: model.createdAt === undefined ? fallbackCreated : Math.floor(model.createdAt / 1000),
    owned_by: "loam",
    root: parentOf(engine) ?? model.id,
    parent: parentOf(engine) ?? null,
    artifact: model.artifact ?? null,
    ...(isDescribed(engine) ? contents(engine) : {}),
  };
};

/** Of an engine the name that requests use: its own where that means this version, else its id. */
function listedName(names: readonly string[], { model }: ListedMetadata): string {
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
  const engine = known ? engines.show(known, id) : engines.describe(id);
  return c.json({ ...entry(engine, id, started), ...versionStates(versions) });
}

/** Deletes a model that a fine-tuning job made. Errors: serve/unknownModel, serve/parameter for any other model, serve/inUse. */
export async function deleteTuned(id: string, { engines, fineTuning }: Pick<Services, "engines" | "fineTuning">): Promise<void> {
  if (await fineTuning?.remove(id)) return;
  engines.describe(id);
  throw serveErrors.fail("parameter", {
    place: "model",
    expected: "a model that a fine-tuning job of this server made",
    received: JSON.stringify(id.slice(0, 100)),
    hint: "`loam models archive` retires a version, POST /v1/admin/unload takes one out of memory.",
  });
}

/** DELETE /v1/models/NAME: for models that fine-tuning jobs made, as OpenAI has it. Errors: those of `deleteTuned` and `checkAccess`. */
export const deleteModel = restricted(async (c, services) => {
  const id = c.req.param("model") ?? "";
  await deleteTuned(id, services);
  return c.json({ id, object: "model", deleted: true });
});
