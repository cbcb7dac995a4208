/** The model that an address of the protocol names, and how it is named in answers. */

import type { AnyEngine } from "../../engines.ts";
import { serveErrors } from "../../errors.ts";
import type { ModelMetadata } from "../../model-metadata.ts";
import type { AppContext, Services } from "../exchange.ts";
import { servedCalibration, targetEngine, targetModel, versionOf } from "../tensorflow/versions.ts";

/** The version of an address, where it has one. Errors: serve/parameter. */
function askedVersion(c: AppContext): number | undefined {
  const version = c.req.param("version");
  if (version !== undefined && !/^\d{1,15}$/.test(version))
    throw serveErrors.fail("parameter", { place: "version", expected: "a whole number", received: JSON.stringify(version.slice(0, 60)) });
  return version === undefined ? undefined : Number(version);
}

function targetOfAddress(c: AppContext) {
  const version = askedVersion(c);
  return { model: c.req.param("model") ?? "", ...(version === undefined ? {} : { version }) };
}

/** The model of an address, for a request that is only told of it: nothing wakes. */
export const targetedModel = (c: AppContext, { engines }: Services): ModelMetadata => targetModel(engines, targetOfAddress(c));

export function targeted(c: AppContext, { engines }: Services): AnyEngine {
  const engine = targetEngine(engines, targetOfAddress(c));
  c.var.exchange.engine = engine;
  return engine;
}

export const modelIdentity = (c: AppContext, engine: ModelMetadata) => ({
  model_name: c.req.param("model") ?? engine.model.id,
  model_version: String(versionOf(engine)),
});

/** The protocol's own place for what else is to be said, in metadata and responses. */
export const temperatureIn = (engine: ModelMetadata) => {
  const { calibration } = servedCalibration(engine);
  return calibration ? { parameters: { calibration: calibration.method, temperature: calibration.temperature } } : {};
};

/** A model's addresses, with a version and without. */
export const ofModel = (path: string) => [`/v2/models/:model${path}`, `/v2/models/:model/versions/:version${path}`];
