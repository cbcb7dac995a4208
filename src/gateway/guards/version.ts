/** Which guards stand before a model, as one word: answers kept under another one were looked at by others. */
import { hashOf } from "../../base/index.ts";
import type { ModelRoute } from "../routing/route.ts";
import type { Guard } from "./contract.ts";

/** A list of guards is made once a configuration. */
const known = new WeakMap<readonly Guard[], string>();

/** 16 hex digits; `none` where there is no guard. Names, order, options, words and for whom they are all count; secrets do not. */
export function guardVersion({ guards }: Pick<ModelRoute, "guards">): string {
  if (guards.length === 0) return "none";
  let version = known.get(guards);
  if (version === undefined) {
    version = hashOf(guards.map(g => [g.name, g.version])).slice(0, 16);
    known.set(guards, version);
  }
  return version;
}
