/** An address for administrators: whether the caller may do that, and its page's answer. */
import type { AdminMethod } from "../../admin/page.ts";
import { mayAdminister } from "../../admin/roles.ts";
import { gatewayErrors } from "../../errors.ts";
import type { Answer } from "../../http/exchange.ts";
import type { ReadsWeb } from "../step.ts";

/** Errors: gateway/parameter. */
function paramsOf(pattern: string, pathname: string): Record<string, string> {
  const given = pathname.split("/");
  const params: Record<string, string> = {};
  for (const [i, part] of pattern.split("/").entries())
    if (part.startsWith(":"))
      try {
        params[part.slice(1)] = decodeURIComponent(given[i] ?? "");
      } catch {
        throw gatewayErrors.fail("parameter", { place: pattern, expected: "an id", received: "broken percent-encoding" });
      }
  return params;
}

/** Errors: gateway/forbidden, those of the page. */
export const administer = (path: string, { right, answer }: AdminMethod) =>
  function administer({ gateway, identity, request }: ReadsWeb<"identity">): Promise<Answer> {
    mayAdminister(gateway.control, identity, right);
    const url = new URL(request.url);
    const params = paramsOf(path, url.pathname);
    const key = Object.values(params)[0] ?? "";
    const by = `${identity.subject} (${identity.keyId})`;
    return answer({ gateway, identity, request, query: url.searchParams, key, params, by });
  };
