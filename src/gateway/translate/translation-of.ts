/** Which translation a request to an upstream needs. */
import { type Translation, translations } from "../../protocols/index.ts";
import { gatewayErrors } from "../errors.ts";
import type { Api } from "../http/apis.ts";
import type { UpstreamConfig } from "../upstreams/config.ts";

/** How a request to `api` is put to the upstream; undefined where it goes as it came. Errors: gateway/untranslated where it cannot. */
export function translationOf({ protocol, responses }: UpstreamConfig, { path, endpoint }: Api): Translation | undefined {
  if (protocol === "openai" && responses !== "chat") return undefined;
  const known: { readonly [E in Api["endpoint"]]?: Translation } = translations[protocol];
  const found = known[endpoint];
  if (found || protocol === "openai") return found;
  throw gatewayErrors.fail("untranslated", {
    place: `/v1${path}`,
    message: `a request for ${endpoint} cannot be put to this model's server`,
    hint: `Its server supports ${Object.keys(known).join(", ")}.`,
  });
}
