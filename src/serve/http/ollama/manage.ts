/**
 * What Ollama's API changes: a model is put to sleep and a tuned one deleted, both by administrators alone. This server pulls, creates, copies and pushes
 * nothing; each of these says what does.
 */
import { isLoamError } from "../../../base/index.ts";
import { parentOf } from "../../engines.ts";
import { serveErrors } from "../../errors.ts";
import type { ModelMetadata } from "../../model-metadata.ts";
import { checkAccess, restricted } from "../access.ts";
import { fleetOf } from "../admin.ts";
import { type ContractRoute, del, describing, post, under } from "../contract.ts";
import { type AppContext, bodyOf, type Services } from "../exchange.ts";
import { deleteTuned } from "../models.ts";
import { Permit } from "../permit.ts";
import { createdAt } from "./answer.ts";
import { ollamaModelName } from "./models.ts";
import { describeOllama } from "./names.ts";

/** The answer of a request that is refused what administrators may. Errors: those of `checkAccess`. */
async function refusedAdmin(c: AppContext, services: Services): Promise<Response | undefined> {
  const { authorize } = c.env;
  if (authorize) return new Permit(c, { path: `${c.req.path} (unload)`, endpoint: "admin" }, authorize).ask();
  checkAccess(c, services);
  return undefined;
}

/** Gives a model's memory back as soon as nobody uses it; `empty` is the answer's text or message. Errors: those of `checkAccess`, serve/unsupported. */
export async function ollamaUnload(c: AppContext, services: Services, name: string, empty: object): Promise<Response> {
  const model: ModelMetadata = describeOllama(services.engines, name);
  const refused = await refusedAdmin(c, services);
  if (refused) return refused;
  const fleet = fleetOf(services);
  const version = fleet.list().find(v => v.id === (parentOf(model) ?? model.model.id));
  if (version) await fleet.rest(version.name, version.version);
  return c.json({ model: name, created_at: createdAt(services), ...empty, done: true, done_reason: "unload" });
}

/** A model that is served is there: pulling it again changes nothing. Errors: serve/unsupported for any other. */
async function pull(c: AppContext, services: Services): Promise<Response> {
  const body = await bodyOf(c);
  const name = ollamaModelName(body);
  try {
    describeOllama(services.engines, name);
  } catch (error) {
    if (!isLoamError(error, "serve/unknownModel")) throw error;
    const message = `model '${name.slice(0, 100)}' is not served, and this server pulls none`;
    throw serveErrors.fail(
      "unsupported",
      { message, hint: "`loam models import SOURCE` fetches a model, `loam serve NAME` serves it, POST /v1/admin/load adds a version." },
      error,
    );
  }
  const done = JSON.stringify({ status: "success" });
  const type = body.stream === false ? "application/json" : "application/x-ndjson";
  return new Response(body.stream === false ? done : `${done}\n`, { headers: { "content-type": type } });
}

const notDone =
  (what: string, hint: string): ContractRoute["handle"] =>
  () => {
    throw serveErrors.fail("unsupported", { message: `this server ${what}`, hint });
  };

async function remove(c: AppContext, services: Services): Promise<Response> {
  const { model } = describeOllama(services.engines, ollamaModelName(await bodyOf(c)));
  await deleteTuned(model.id, services);
  return c.body(null, 200);
}

const noBlobs = notDone("takes no files of models", "`loam models import SOURCE` imports a model, `loam serve NAME` serves it.");

export const ollamaChanges: readonly ContractRoute[] = [
  describing("models", post("/api/pull", pull)),
  ...under("admin", [del("/api/delete", restricted(remove))]),
  ...under("other", [
    post(
      "/api/create",
      notDone("creates no models", "`loam models import SOURCE` imports one; a system prompt and options are sent with each request."),
    ),
    post("/api/copy", notDone("copies no models", "POST /v1/admin/label gives a version a further name.")),
    post(
      "/api/push",
      notDone("pushes no models", "`loam models export` writes a model's files, `loam models push` sends it to an OCI registry."),
    ),
    post("/api/blobs/:digest", noBlobs),
  ]),
];
