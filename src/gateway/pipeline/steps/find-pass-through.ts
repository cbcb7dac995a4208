import { passThroughOf } from "../../passthrough/places.ts";
import type { Adds, ReadsWeb } from "../step.ts";

/** The pass-through route of an address that the gateway does not know; there is one, or another pipeline answers. */
export function findPassThrough({ config, request, exchange }: ReadsWeb<never>): Adds<"pass" | "url"> {
  const url = new URL(request.url);
  const pass = passThroughOf(config.passThrough, url.pathname)!;
  exchange.path = `${pass.prefix}/*`;
  return { pass, url };
}
