import type { Ask } from "../http/ask.ts";
import type { Facts } from "./conditions.ts";

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
