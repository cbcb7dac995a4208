/** What becomes of a request's routes before any server is asked: its rules, what it may be charged as, where it stands in lines. */
import type { ModelRoute } from "../config/read-config.ts";
import type { Ask } from "../http/ask.ts";
import type { PrioritiesPart } from "../queue/schema.ts";
import { type Standing, standingOf } from "../queue/standing.ts";
import type { Facts } from "./conditions.ts";
import { narrowed, priceNamesOf } from "./rules.ts";

export interface Way {
  readonly routes: readonly ModelRoute[];
  readonly priceNames: readonly string[] | undefined;
  readonly standing: Standing | undefined;
}

/** Errors: those of `standingOf` and of rules that look at tags. */
export function wayOf(routes: readonly ModelRoute[], priorities: PrioritiesPart | undefined, facts: Facts): Way {
  const own = routes.some(r => r.rules !== undefined) ? routes.map(r => (r.rules === undefined ? r : narrowed(r, facts))) : routes;
  return { routes: own, priceNames: priceNamesOf(own), standing: standingOf(priorities, facts) };
}

/**
 * Whether a request may be put to two servers at once: not where the server keeps something of it (responses unless `store` is false), goes on
 * from what one server kept, or where a key of the client's says that it is one; nor where an answer is passed through in its own words.
 */
export function mayAskTwice({ api, body, native }: Ask, headers: Facts["headers"]): boolean {
  if (native !== undefined || headers.get("idempotency-key") !== null) return false;
  if (api.endpoint === "responses")
    return body.store === false && !body.previous_response_id && !body.conversation && body.background !== true;
  return body.store !== true;
}
