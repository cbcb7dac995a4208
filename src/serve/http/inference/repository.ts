/** The model repository extension: which models there are, and loading and unloading for administrators (`access.ts`). */
import { isRow, repositoryIndexRequest, repositoryModelRequest } from "../../../protocols/index.ts";
import { serveErrors } from "../../errors.ts";
import type { ListedMetadata } from "../../model-metadata.ts";
import { askedVersion, fleetOf, loadVersion } from "../admin.ts";
import { type AppContext, bodyOf, type Services } from "../exchange.ts";
import { parseBody } from "../parse.ts";
import { versionOf } from "../tensorflow/versions.ts";

const states: Readonly<Record<ListedMetadata["state"], string>> = {
  loading: "LOADING",
  ready: "READY",
  // the next request wakes it
  asleep: "READY",
  draining: "UNLOADING",
  failed: "UNAVAILABLE",
  closed: "UNAVAILABLE",
};

export async function repositoryIndex(c: AppContext, { engines }: Services): Promise<Response> {
  const { ready } = parseBody(repositoryIndexRequest, await bodyOf(c));
  const rows = engines.models().flatMap(engine => {
    const { id, name = id } = engine.model;
    const state = states[engine.state];
    if (engines.namesToTell(engine).length === 0 || (ready && state !== "READY")) return [];
    const reason = engine.state === "failed" ? "the model failed to load or to run" : "";
    return [{ name, version: String(versionOf(engine)), state, reason }];
  });
  return c.json(rows);
}

/** Models are the record's: a request brings neither files nor a configuration. Errors: serve/unsupported. */
function refuseParameters(parameters: unknown, taken: readonly string[]): void {
  const [name] = Object.keys(isRow(parameters) ? parameters : {}).filter(key => !taken.includes(key));
  if (name !== undefined)
    throw serveErrors.fail("unsupported", {
      place: `parameters.${name.slice(0, 60)}`,
      message: "a configuration or files in the request are not supported",
      hint: "A model is loaded as it was recorded: `loam models import` brings one in.",
    });
}

/** `NAME` for the newest version, `NAME@3`. Errors: those of `loadVersion`. */
export async function repositoryLoad(c: AppContext, services: Services): Promise<Response> {
  const fleet = fleetOf(services);
  const { parameters } = parseBody(repositoryModelRequest, await bodyOf(c));
  refuseParameters(parameters, []);
  const [name, version] = await askedVersion(fleet, c.req.param("model") ?? "");
  await loadVersion(fleet, name, version);
  return c.json({});
}

/** All versions of a name, or the one of `NAME@3`. Errors: serve/unknownModel, serve/unknownVersion, serve/inUse. */
export async function repositoryUnload(c: AppContext, services: Services): Promise<Response> {
  const fleet = fleetOf(services);
  const { parameters } = parseBody(repositoryModelRequest, await bodyOf(c));
  // a model has none that it would take along
  refuseParameters(parameters, ["unload_dependents"]);
  const asked = c.req.param("model") ?? "";
  const numbered = /^(.+)@(\d{1,15})$/.exec(asked);
  const loaded = fleet.list().filter(v => v.name === asked && v.state !== "unloaded");
  if (numbered && loaded.length === 0) await fleet.unload(numbered[1]!, Number(numbered[2]));
  else if (loaded.length === 0)
    throw serveErrors.fail("unknownModel", {
      place: "model",
      expected: `one of ${[...new Set(fleet.list().flatMap(v => (v.state === "unloaded" ? [] : [v.name])))].join(", ") || "none, since none is loaded"}`,
      received: JSON.stringify(asked.slice(0, 100)),
    });
  for (const { name, version } of loaded) await fleet.unload(name, version);
  return c.json({});
}
