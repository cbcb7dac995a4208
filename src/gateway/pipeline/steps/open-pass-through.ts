/** Where a passed request goes, which objects it names, and how its body is sent: as it comes, or read first where something in it is judged or opened. */

import { knownPaths } from "../../http/model-addresses.ts";
import { ownerOf } from "../../owners/owner.ts";
import { PassedObjects, readsBody } from "../../owners/passed-objects.ts";
import { beginsBatch } from "../../passthrough/batch-lines.ts";
import { passedBody } from "../../passthrough/body.ts";
import { targetPath } from "../../passthrough/places.ts";
import type { Adds, ReadsWeb } from "../step.ts";

/** Errors: gateway/parameter and unknownUrl of the path, gateway/unknownObject, gateway/tooLarge. */
export function openPassThrough({
  gateway,
  config,
  identity,
  pass,
  url,
  method,
  request,
}: ReadsWeb<"identity" | "pass" | "url" | "method">): Adds<"passed" | "demand"> {
  const path = targetPath(pass, url.pathname, knownPaths);
  const upstream = config.upstreams.get(pass.upstream)!;
  const objects = new PassedObjects({ pass, config: upstream, seal: gateway.control.objects, owner: ownerOf(identity) });
  const address = objects.address(method, path, url.search);
  const body = passedBody(request, pass.bodyBytes);
  const type = request.headers.get("content-type");
  // a server of this process brings each line here
  const isBatch = address.kind !== "unread" && beginsBatch(method, path) && body.stream !== undefined && !upstream.here;
  const isRead = readsBody(address, type, body.stream !== undefined) || isBatch;
  // what nobody says the length of counts as the most that it may be
  const bytes = body.declaredBytes ?? (body.stream ? pass.bodyBytes : 0);
  return { passed: { address, objects, body, isBatch, isRead }, demand: { inputTokens: 0, maxOutputTokens: 0, bytes } };
}
