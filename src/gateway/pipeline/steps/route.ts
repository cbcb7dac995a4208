/** In which order the request's targets are asked, and whether once more. */
import { createHash } from "node:crypto";
import type { AdmittedRequest } from "../../http/admitted-request.ts";
import { prefixOf } from "../../http/ask.ts";
import { requestFor } from "../../http/request-for.ts";
import { Attempts } from "../../routing/attempts.ts";
import { mayAskTwice } from "../../routing/may-ask-twice.ts";
import type { Adds } from "../step.ts";

/** Of prompt and answer, where a price is looked at. */
function expectedTokens({ routes, runtime, exchange, maxOutputTokens }: AdmittedRequest): { input: number; output: number } | undefined {
  if (!routes.some(r => r.strategy === "cost")) return undefined;
  return { input: exchange.inputTokens, output: runtime.memory(routes[0]!.name).expectedTokens(maxOutputTokens) };
}

/** Asks nobody yet: `relay` does. */
export function route(x: AdmittedRequest): Adds<"attempts"> {
  const { ask, routes, runtime, exchange } = x;
  const [first] = routes;
  const { sticky } = first!;
  const stickyKey = sticky === "none" ? undefined : sticky === "user" ? (ask.user ?? exchange.identity?.subject) : exchange.identity?.keyId;
  const usesPrefix = routes.some(r => r.strategy === "prefix");
  const attempts = new Attempts({
    runtime,
    routes,
    stop: x.stop,
    asked: { stickyKey, prefix: usesPrefix ? prefixOf(ask) : undefined, tokens: expectedTokens(x), random: runtime.random },
    standing: x.standing,
    caller: exchange.identity?.keyId ?? "",
    fingerprint: () => createHash("sha256").update(ask.text).digest("base64"),
    isStream: ask.isStream,
    mayHedge: first!.hedge !== undefined && mayAskTwice(ask, x.headers),
    request: requestFor(x),
  });
  exchange.attempts = attempts.made;
  exchange.routed = attempts;
  return { attempts };
}
