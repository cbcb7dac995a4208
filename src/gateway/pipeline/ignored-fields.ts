/** The header that names what the server of an answer was not told. */
import type { AdmittedRequest } from "../http/admitted-request.ts";
import { droppedFor } from "../translate/call-for.ts";

/** `id`: the target that answered. */
export function ignoredFields({ ask, routes, runtime }: AdmittedRequest, id: string | undefined): Readonly<Record<string, string>> {
  if (id === undefined || ask.native === undefined || ask.native.dropped.length === 0) return {};
  for (const { targets } of routes)
    for (const target of targets) {
      if (target.id !== id) continue;
      const dropped = droppedFor(ask, runtime.upstream(target.upstream).config);
      return dropped.length === 0 ? {} : { "x-loam-ignored": dropped.join(", ") };
    }
  return {};
}
