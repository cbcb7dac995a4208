/** The models that a caller may use: in OpenAI's form, or in Anthropic's where a request names the version of that API, as its clients do. */
import { gatewayErrors } from "../../errors.ts";
import type { Answer } from "../../http/exchange.ts";
import { json } from "../../http/json-answer.ts";
import { isAnthropics, listedModel } from "../../http/model-card.ts";
import { visibleModels } from "../../policy/check-allowed.ts";
import type { ReadsWeb } from "../step.ts";

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

export function answerModels({ gateway, config, identity, request }: ReadsWeb<"identity">): Answer {
  const visible = visibleModels(gateway.control, config.routes, identity);
  const card = listedModel(request, gateway.openedMs);
  if (!isAnthropics(request)) return json({ object: "list", data: visible.map(card) });
  const { names, hasMore } = pageOf(visible, new URL(request.url).searchParams);
  return json({ data: names.map(card), has_more: hasMore, first_id: names[0] ?? null, last_id: names.at(-1) ?? null });
}
