/** The models that a caller may use: in OpenAI's form, or in Anthropic's where a request names the version of that API, as its clients do. */
import { gatewayErrors } from "../errors.ts";
import type { Gateway } from "../gateway.ts";
import { messages } from "../translate/messages.ts";
import { decoded } from "../transport/decoded.ts";
import type { Place } from "./around.ts";
import { type Handle, visibleModels } from "./ask-model.ts";
import { admitted } from "./door.ts";
import type { Answer } from "./exchange.ts";

const isAnthropics = ({ headers }: Request): boolean => headers.has("anthropic-version");

/** Models of a page, as Anthropic's API has it. */
const pageSize = { usual: 20, most: 1000 };

/** A page of names: behind one, before one, from the beginning. Errors: gateway/parameter. */
function pageOf(names: readonly string[], query: URLSearchParams): { readonly names: readonly string[]; readonly hasMore: boolean } {
  const wrong = (place: string, expected: string) =>
    gatewayErrors.fail("parameter", { place, expected, received: JSON.stringify(query.get(place)?.slice(0, 60)) });
  const limit = query.has("limit") ? Number(query.get("limit")) : pageSize.usual;
  if (!Number.isInteger(limit) || limit < 1 || limit > pageSize.most) throw wrong("limit", `a whole number from 1 to ${pageSize.most}`);
  const placeOf = (key: "after_id" | "before_id"): number | undefined => {
    const id = query.get(key);
    if (id === null) return undefined;
    const at = names.indexOf(id);
    if (at < 0) throw wrong(key, "a model of the list");
    return at;
  };
  const [after, before] = [placeOf("after_id"), placeOf("before_id")];
  if (after === undefined && before !== undefined) {
    const from = Math.max(0, before - limit);
    return { names: names.slice(from, before), hasMore: from > 0 };
  }
  const from = after === undefined ? 0 : after + 1;
  const to = Math.min(before ?? names.length, from + limit);
  return { names: names.slice(from, to), hasMore: to < (before ?? names.length) };
}

/** Handlers of the list and of one model, whose name stands behind `/models/`. */
export function modelPages(gateway: Gateway): { readonly list: Handle; readonly one: Handle } {
  const createdMs = gateway.clock.now();
  const created = Math.floor(createdMs / 1000);
  const card = (id: string) => ({ id, object: "model", created, owned_by: "loam-gateway" });
  const anthropics = (id: string) => ({ type: "model", id, display_name: id, created_at: new Date(createdMs).toISOString() });
  const json = (value: unknown): Answer => ({ status: 200, body: JSON.stringify(value), headers: { "content-type": "application/json" } });
  return {
    list: async (request, exchange) => {
      const identity = await admitted(gateway.control, request.headers, exchange);
      const visible = visibleModels(gateway, identity);
      if (!isAnthropics(request)) return json({ object: "list", data: visible.map(card) });
      const { names, hasMore } = pageOf(visible, new URL(request.url).searchParams);
      return json({ data: names.map(anthropics), has_more: hasMore, first_id: names[0] ?? null, last_id: names.at(-1) ?? null });
    },
    one: async (request, exchange) => {
      const identity = await admitted(gateway.control, request.headers, exchange);
      const { pathname } = new URL(request.url);
      const name = decoded(pathname.slice(pathname.indexOf("/models/") + "/models/".length));
      const route = gateway.config.routes.get(name);
      if (route && visibleModels(gateway, identity).includes(route.name)) return json((isAnthropics(request) ? anthropics : card)(name));
      throw gatewayErrors.fail("unknownModel", {
        place: "model",
        message: `the model ${JSON.stringify(name.slice(0, 256))} does not exist here`,
      });
    },
  };
}

/** The place of such a page for one request: errors in the form that its client reads. */
export const modelPlace = (path: string, handle: Handle, request: Request): Place =>
  isAnthropics(request) ? { path, handle, contract: messages } : { path, handle };
