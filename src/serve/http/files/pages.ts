/** Lists in OpenAI's form, a page at a time: `limit`, `order`, and `after` the id that the page before ended with. */
import { serveErrors } from "../../errors.ts";
import type { AppContext } from "../exchange.ts";

const mostOnPage = 10_000;

/** `items` are oldest first; a page is newest first unless `order` is `asc`, and has `usual` where nobody says. Errors: serve/parameter. */
export function pageOf<T extends { readonly id: string }>(c: AppContext, items: readonly T[], usual = mostOnPage) {
  const { limit = String(usual), order = "desc", after } = c.req.query();
  if (!/^\d{1,5}$/.test(limit) || Number(limit) < 1 || Number(limit) > mostOnPage)
    throw serveErrors.fail("parameter", { place: "limit", expected: `1 to ${mostOnPage}`, received: JSON.stringify(limit.slice(0, 20)) });
  if (order !== "asc" && order !== "desc")
    throw serveErrors.fail("parameter", { place: "order", expected: "asc or desc", received: JSON.stringify(order.slice(0, 20)) });
  const ordered = order === "asc" ? items : items.toReversed();
  const from = after === undefined ? 0 : ordered.findIndex(i => i.id === after) + 1;
  if (after !== undefined && from === 0)
    throw serveErrors.fail("parameter", { place: "after", expected: "an id of the list", received: JSON.stringify(after.slice(0, 60)) });
  const data = ordered.slice(from, from + Number(limit));
  return {
    object: "list",
    data,
    has_more: from + data.length < ordered.length,
    first_id: data[0]?.id ?? null,
    last_id: data.at(-1)?.id ?? null,
  };
}
