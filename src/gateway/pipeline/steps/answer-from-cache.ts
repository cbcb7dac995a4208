import type { AdmittedRequest } from "../../http/admitted-request.ts";
import { type Adds, EarlyAnswer, type Reads } from "../step.ts";

type Needed = Reads<"action" | Exclude<keyof AdmittedRequest, "exchange" | "headers" | "end">>;

/** A kept answer ends the request here; a new one is kept on its way back. Errors: gateway/notCached. */
export function answerFromCache(x: Needed): Adds | undefined | Promise<Adds | EarlyAnswer> {
  const { cache } = x.gateway;
  return cache?.look(x, x.action).then(found => (found.answer ? new EarlyAnswer(found.answer) : found.miss));
}
