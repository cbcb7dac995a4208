/** The model of a request that names none: vLLM's and SageMaker's clients of a server with one model send no name. */
import type { Row } from "../../protocols/index.ts";
import type { Engines } from "../engines.ts";
import { serveErrors } from "../errors.ts";

/** The only model's name; undefined where there are several. Versions of one name are one model: its split says which of them answers. */
function onlyModel(engines: Engines): string | undefined {
  const [first, ...others] = engines.models();
  if (!first) return undefined;
  const { id, name } = first.model;
  if (name !== undefined && engines.isRouted) return others.every(e => e.model.name === name) ? name : undefined;
  return others.length === 0 ? id : undefined;
}

/** The name that a request gives, or the only model's. Errors: serve/missing with the models' names, serve/type. */
export function modelOrOnly(given: unknown, engines: Engines): string {
  if (typeof given === "string") return given;
  if (given != null) throw serveErrors.fail("type", { place: "model", expected: "a string", received: typeof given });
  const only = onlyModel(engines);
  if (only !== undefined) return only;
  const ids = engines.models().flatMap(e => (engines.namesToTell(e).includes(e.model.id) ? [e.model.id] : []));
  throw serveErrors.fail("missing", { place: "model", message: `the parameter is needed: one of ${ids.join(", ") || "none is served"}` });
}

/** A body that names no model, with the only one's name; as it came where there are several. */
export function withOnlyModel(body: Row, engines: Engines): Row {
  if (body.model != null) return body;
  const only = onlyModel(engines);
  return only === undefined ? body : { ...body, model: only };
}
