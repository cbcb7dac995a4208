/**
 * SageMaker's multi-model endpoint: models that the platform loads and takes away under names of its own, and asks by them. A `url` is what the
 * model is called here, `NAME` or `NAME@3`; as everywhere over HTTP it is never a path. What was served before stays when its name is taken away.
 */
import { z } from "zod";
import { isLoamError } from "../../../base/index.ts";
import { serveErrors } from "../../errors.ts";
import type { Fleet } from "../../lifecycle/fleet.ts";
import { checkAccess, restricted } from "../access.ts";
import { askedVersion, fleetOf, loadVersion } from "../admin.ts";
import { type AnswerLengths, answering, type ContractRoute, del, post, under } from "../contract.ts";
import { type AppContext, bodyOf, type Services } from "../exchange.ts";
import { modelList, oneModel } from "../models.ts";
import { parseBody } from "../parse.ts";

interface Hosted {
  readonly url: string;
  readonly name: string;
  readonly version: number;
  /** It was loaded for this name, and goes with the last such name. */
  readonly isOurs: boolean;
}

/** Names by server. */
const hosted = new WeakMap<Fleet, Map<string, Hosted>>();
function hostedBy(fleet: Fleet): Map<string, Hosted> {
  const known = hosted.get(fleet) ?? new Map<string, Hosted>();
  hosted.set(fleet, known);
  return known;
}

const nameOf = (c: AppContext): string => c.req.param("name") ?? "";
const wireModel = ([modelName, { url }]: readonly [string, Hosted]) => ({ modelName, modelUrl: url });

function found(services: Services, name: string): Hosted {
  const model = hostedBy(fleetOf(services)).get(name);
  if (model) return model;
  throw serveErrors.fail("unknownModel", {
    place: "model_name",
    expected: "a model that is loaded",
    received: JSON.stringify(name.slice(0, 100)),
  });
}

export const hostModelRequest = z.object({ model_name: z.string().min(1).max(256), url: z.string().min(1).max(256) });

async function load(c: AppContext, services: Services): Promise<Response> {
  const fleet = fleetOf(services);
  const models = hostedBy(fleet);
  const { model_name: asked, url } = parseBody(hostModelRequest, await bodyOf(c));
  const taken = () =>
    serveErrors.fail("inUse", {
      place: "model_name",
      expected: "a name that is not loaded",
      received: JSON.stringify(asked.slice(0, 100)),
    });
  if (models.has(asked)) throw taken();
  const [name, version] = await askedVersion(fleet, url);
  const before = fleet.list().find(v => v.name === name && v.version === version);
  const isOurs = before ? [...models.values()].some(m => m.name === name && m.version === version && m.isOurs) : true;
  await loadVersion(fleet, name, version);
  // somebody else may have been quicker
  if (models.has(asked)) throw taken();
  models.set(asked, { url, name, version, isOurs });
  return c.json({ modelName: asked, modelUrl: url });
}

async function unload(c: AppContext, services: Services): Promise<Response> {
  const fleet = fleetOf(services);
  const models = hostedBy(fleet);
  const { name, version, isOurs } = found(services, nameOf(c));
  models.delete(nameOf(c));
  const isLast = ![...models.values()].some(m => m.name === name && m.version === version);
  if (isOurs && isLast) await fleet.unload(name, version, { force: true });
  return c.json({ modelName: nameOf(c) });
}

/** Whether the caller may know the platform's names: whoever may load models, on a server without a gateway, where the platform asks. */
function mayList(c: AppContext, services: Services): boolean {
  if (!services.fleet || c.env?.authorize) return false;
  try {
    checkAccess(c, services);
    return true;
  } catch (error) {
    if (isLoamError(error)) return false;
    throw error;
  }
}

/** GET /models: OpenAI's and llama.cpp's list of what is served, with SageMaker's list of what the platform loaded for those who may load. */
export const bareModelList = (c: AppContext, services: Services): Response =>
  c.json({ models: mayList(c, services) ? [...hostedBy(fleetOf(services))].map(wireModel) : [], ...modelList(services) });

/** GET /models/NAME: a name of the platform's, else a model as OpenAI describes it. */
export function bareOneModel(c: AppContext, services: Services): Response {
  const name = c.req.param("model") ?? "";
  const hosted = mayList(c, services) ? hostedBy(fleetOf(services)).get(name) : undefined;
  return hosted ? c.json(wireModel([name, hosted])) : oneModel(c, services);
}

/** `ask` answers a body for the model of an id. */
export const multiModelRoutes = (
  ask: (c: AppContext, services: Services, model: string) => Promise<Response>,
  lengths: AnswerLengths,
): readonly ContractRoute[] => [
  ...under("admin", [post("/models", restricted(load)), del("/models/:name", restricted(unload))]),
  answering(
    "other",
    post("/models/:name/invoke", (c, services) => {
      const { name, version } = found(services, nameOf(c));
      return ask(c, services, `${name}@${version}`);
    }),
    lengths,
  ),
];
